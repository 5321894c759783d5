// Programs that the tests here start: scripts and curl.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace restored::test {

// Standard error is ours. The pipes' other ends close when this process is gone.
struct ChildProcess {
  pid_t pid = -1;
  int input = -1;
  int output = -1;
};
ChildProcess spawn(const std::vector<std::string>& words,
                   const std::map<std::string, std::string>& environment = {});
// A line of `fd`; nothing at its end or after the deadline.
std::optional<std::string> read_line(int fd, std::chrono::steady_clock::time_point deadline);
std::string read_all(int fd);
int wait_for_exit(pid_t pid);  // -1: a signal

struct CurlAnswer {
  int status = 0;  // 0: no answer
  std::string body;
  int exit_code = -1;  // curl's own
};
// One transfer of at most a minute.
CurlAnswer curl(std::vector<std::string> arguments);

}  // namespace restored::test
