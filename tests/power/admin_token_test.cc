// The administrator's token is written by the agent itself, on the real disk: what is watched here
// is the order in which it asks the kernel, by calls that stand in the C library's place.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "../../agent/admin_token.h"
#include "../restore/test_host.h"

namespace {

std::mutex calls_mutex;
std::vector<std::string> calls;

void note(const std::string& call) {
  const std::lock_guard lock(calls_mutex);
  calls.push_back(call);
}

}  // namespace

extern "C" int fsync(int fd) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  note("fsync " + std::string(path.data(), length < 0 ? 0 : static_cast<std::size_t>(length)));
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
extern "C" int rename(const char* from, const char* to) noexcept {
  note("rename " + std::string(to));
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

namespace restored::test {
namespace {

TEST(AdminTokenTest, ItsFileIsDurableUnderItsNameBeforeTheTokenCounts) {
  const TemporaryDirectory directory;
  TestHost host(directory.file("state"), directory.file("repository"));
  host.open();
  for (const bool renewed : {false, true}) {
    std::exchange(calls, {});
    ASSERT_TRUE(agent::write_admin_token(host.engine(), host.state_directory(), renewed));
    std::vector<std::string> own;
    for (const std::string& call : calls) {
      if (call.find("admin.token") != std::string::npos ||
          call == "fsync " + host.state_directory())
        own.push_back(call);
    }
    const std::string file = host.state_directory() + "/admin.token";
    EXPECT_EQ(own, (std::vector<std::string>{"fsync " + file + ".new", "rename " + file,
                                             "fsync " + host.state_directory()}));
  }
  host.close();
}

}  // namespace
}  // namespace restored::test
