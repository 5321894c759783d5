#include "child.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>

#include "base/check.h"

namespace restored::test {
namespace {

void write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    done += static_cast<std::size_t>(count);
  }
}

}  // namespace

ChildEnd in_child(const std::function<void(const Say& say)>& work, int seconds_max) {
  int ends[2];
  RESTORED_CHECK(::pipe(ends) == 0, "a pipe can be made");
  std::fflush(nullptr);
  const pid_t child = ::fork();
  RESTORED_CHECK(child >= 0, "a process can be made");
  if (child == 0) {
    ::close(ends[0]);
    work([&](const std::string& text) { write_all(ends[1], text); });
    ::_exit(0);
  }
  ::close(ends[1]);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds_max);
  ChildEnd result;
  bool in_time = true;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    struct pollfd waiting = {ends[0], POLLIN, 0};
    in_time = left.count() > 0;
    if (!in_time) break;
    if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) continue;
    char buffer[4096];
    const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    result.said.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) result.death = fmt::format("it ends by signal {}", WTERMSIG(status));
  if (!in_time) result.death = "it hangs";
  return result;
}

}  // namespace restored::test
