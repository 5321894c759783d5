// That a sync reaches the kernel. All other tests of what is durable stand on simulated disks; this
// one watches the calls themselves, which the program defines in the C library's place.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "support/temporary_directory.h"

namespace {

std::mutex calls_mutex;
std::vector<std::string> calls;

void note(const char* call, int fd) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
  const std::lock_guard lock(calls_mutex);
  calls.push_back(std::string(call) + " " +
                  std::string(path.data(), length < 0 ? 0 : static_cast<std::size_t>(length)));
}

}  // namespace

extern "C" int fsync(int fd) {
  note("fsync", fd);
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
extern "C" int fdatasync(int fd) {
  note("fdatasync", fd);
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

namespace restored::io {
namespace {

using Calls = std::vector<std::string>;

class SyncCallsTest : public testing::Test {
 protected:
  static Calls taken() {
    const std::lock_guard lock(calls_mutex);
    return std::exchange(calls, {});
  }

  FileSystem& files_ = system_files();
  const test::TemporaryDirectory directory_;
};

TEST_F(SyncCallsTest, ASyncOfAFileAsksForItsData) {
  const std::string path = directory_.file("a");
  const auto file = files_.open(path, Access::create, Caching::buffered);
  ASSERT_TRUE(file);
  taken();
  ASSERT_TRUE((*file)->sync());
  EXPECT_EQ(taken(), Calls{"fdatasync " + path});
}

TEST_F(SyncCallsTest, ASyncOfADirectoryAsksForIt) {
  taken();
  ASSERT_TRUE(files_.sync_directory(directory_.path()));
  EXPECT_EQ(taken(), Calls{"fsync " + directory_.path()});
}

TEST_F(SyncCallsTest, ADirectoryThatIsMadeOrFoundHasItsParentSyncedOnce) {
  const std::string path = directory_.file("made/below");
  ASSERT_TRUE(files_.make_directories(path));
  Calls first = taken();
  ASSERT_GE(first.size(), 2u);
  EXPECT_EQ(first.back(), "fsync " + directory_.file("made"));
  EXPECT_EQ(first[first.size() - 2], "fsync " + directory_.path());
  ASSERT_TRUE(files_.make_directories(path));
  EXPECT_EQ(taken(), Calls{});
  const std::string found = directory_.file("found");
  ASSERT_EQ(::mkdir(found.c_str(), 0700), 0);
  ASSERT_TRUE(files_.make_directories(found));
  EXPECT_EQ(taken(), Calls{"fsync " + directory_.path()});
}

TEST_F(SyncCallsTest, AReplacedFileIsSyncedAndThenItsDirectory) {
  taken();
  const std::string text = "content";
  ASSERT_TRUE(replace_file(files_, directory_.file("a"), std::as_bytes(std::span(text))));
  const Calls made = taken();
  ASSERT_EQ(made.size(), 2u);
  EXPECT_TRUE(made[0].starts_with("fdatasync " + directory_.file(".a.")));
  EXPECT_EQ(made[1], "fsync " + directory_.path());
}

}  // namespace
}  // namespace restored::io
