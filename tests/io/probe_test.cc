// Kernels and containers that refuse io_uring, made real by a seccomp filter in a process of its
// own.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>

#include "io/io_queue.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"

namespace restored::io {
namespace {

// From here on io_uring_setup fails with this error in the calling process.
bool refuse_io_uring(unsigned error) {
  sock_filter program[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_io_uring_setup},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog filter = {4, program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// Exits with 0 when the pool does the work and the note holds the remedy.
[[noreturn]] void work_without_ring(unsigned error, const std::string& remedy) {
  if (!refuse_io_uring(error)) std::_Exit(10);
  if (probe().io_uring) std::_Exit(11);
  if (probe().note.find(remedy) == std::string::npos) std::_Exit(12);
  const auto queue = open_io_queue({});  // asks for a ring
  if (!queue || (*queue)->on_ring() || (*queue)->registered()) std::_Exit(13);
  const test::TemporaryDirectory directory;
  const auto file = system_files().open(directory.file("data"), Access::create, Caching::buffered);
  if (!file) std::_Exit(14);
  const std::string content = "content";
  std::atomic<int> written = 0;
  (*queue)->submit_write(**file, 0, std::as_bytes(std::span(content)),
                         [&](Result<void> result) { written = result ? 1 : -1; });
  if (!test::wait_until([&] { return written != 0; }) || written != 1) std::_Exit(15);
  const bool equal = test::read_whole_file(directory.file("data")) == content;
  std::filesystem::remove_all(directory.path());
  std::_Exit(equal ? 0 : 16);
}

TEST(ProbeDeathTest, ForbiddenRingIsToldWithItsRemedyAndThePoolWorks) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(work_without_ring(EPERM, "seccomp"), testing::ExitedWithCode(0),
              "reading and writing without io_uring");
}

TEST(ProbeDeathTest, KernelWithoutRingIsToldWithItsRemedyAndThePoolWorks) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(work_without_ring(ENOSYS, "Linux 5.11"), testing::ExitedWithCode(0),
              "level=warning area=io");
}

TEST(ProbeDeathTest, NoMemoryForARingIsToldWithItsRemedyAndThePoolWorks) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(work_without_ring(ENOMEM, "RLIMIT_MEMLOCK"), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace restored::io
