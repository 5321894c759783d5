#include "io/file_system.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "restored/limits.h"
#include "support/fault_files.h"
#include "support/small_file_system.h"
#include "support/temporary_directory.h"

namespace restored::io {
namespace {

using test::SmallFileSystem;
using test::TemporaryDirectory;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class FileSystemTest : public testing::Test {
 protected:
  std::unique_ptr<File> open(const std::string& name, Access access,
                             Caching caching = Caching::buffered) {
    auto file = files_.open(directory_.file(name), access, caching);
    EXPECT_TRUE(file.has_value()) << file.error().message;
    return std::move(*file);
  }

  FileSystem& files_ = system_files();
  TemporaryDirectory directory_;
};

TEST_F(FileSystemTest, AccessDecidesWhatMustExist) {
  const std::string path = directory_.file("a");
  for (const Access access : {Access::read, Access::write}) {
    const auto missing = files_.open(path, access, Caching::buffered);
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, ErrorCode::file_not_found);
    EXPECT_NE(missing.error().message.find(path), std::string::npos);
    EXPECT_NE(missing.error().message.find("open"), std::string::npos);
  }
  EXPECT_TRUE(files_.open(path, Access::create, Caching::buffered).has_value());
  const auto again = files_.open(path, Access::create, Caching::buffered);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::file_exists);
  EXPECT_TRUE(files_.open(path, Access::create_or_open, Caching::buffered).has_value());
  EXPECT_TRUE(files_.open(path, Access::write, Caching::buffered).has_value());
}

TEST_F(FileSystemTest, WritesAreReadBackFromTheirPlace) {
  const auto file = open("a", Access::create);
  ASSERT_TRUE(file->write_at(3, bytes_of("defg")).has_value());
  ASSERT_TRUE(file->write_at(0, bytes_of("abc")).has_value());
  std::string back(5, ' ');
  ASSERT_TRUE(file->read_at(1, std::as_writable_bytes(std::span(back))).has_value());
  EXPECT_EQ(back, "bcdef");
  EXPECT_EQ(file->size(), 7u);
  ASSERT_TRUE(file->sync().has_value());
  ASSERT_TRUE(file->close().has_value());
  EXPECT_EQ(test::read_whole_file(file->path()), "abcdefg");
}

TEST_F(FileSystemTest, ReadPastTheEndIsCorruptionWithNumbers) {
  const auto file = open("a", Access::create);
  ASSERT_TRUE(file->write_at(0, bytes_of("abc")).has_value());
  std::string back(5, ' ');
  const auto done = file->read_at(1, std::as_writable_bytes(std::span(back)));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::corruption);
  EXPECT_NE(done.error().message.find("ends after 2 of 5 bytes at offset 1"), std::string::npos)
      << done.error().message;
}

TEST_F(FileSystemTest, TruncateAndAllocateSetTheSize) {
  const auto file = open("a", Access::create);
  ASSERT_TRUE(file->allocate(0).has_value());
  ASSERT_TRUE(file->allocate(64 * kKiB).has_value());
  EXPECT_EQ(file->size(), 64 * kKiB);
  ASSERT_TRUE(file->write_at(0, bytes_of("abc")).has_value());
  ASSERT_TRUE(file->truncate(2).has_value());
  EXPECT_EQ(test::read_whole_file(file->path()), "ab");
}

TEST_F(FileSystemTest, CloseTwiceAndAfterMoveOfOwnerIsHarmless) {
  const auto file = open("a", Access::create);
  EXPECT_TRUE(file->close().has_value());
  EXPECT_TRUE(file->close().has_value());
  const auto done = file->write_at(0, bytes_of("abc"));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::io_error);
}

TEST_F(FileSystemTest, DirectFileTakesAlignedRequestsAndReportsItsEnd) {
  const auto file = open("a", Access::create, Caching::direct);
  alignas(4096) static std::byte block[3 * 4096];
  std::memset(block, 'x', sizeof block);
  ASSERT_TRUE(file->write_at(0, block).has_value());
  ASSERT_TRUE(file->truncate(2 * 4096 + 100).has_value());
  ASSERT_TRUE(file->read_at(4096, std::span(block).first(4096)).has_value());
  const auto done = file->read_at(0, block);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::corruption);
}

TEST_F(FileSystemTest, FileSystemWithoutDirectIoIsUsedBuffered) {
  // procfs has no O_DIRECT on any kernel.
  const auto file = files_.open("/proc/self/status", Access::read, Caching::direct);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_FALSE((*file)->direct());
}

TEST_F(FileSystemTest, RefusedDirectIoLeavesNoHalfMadeFile) {
  const SmallFileSystem small(directory_.path(), 256 * kKiB);
  if (!small.mounted()) GTEST_SKIP() << small.why_not();
  // tmpfs took O_DIRECT only from Linux 6.6 on; whether it does or not, the file is usable.
  const auto file = open("a", Access::create, Caching::direct);
  alignas(4096) static std::byte block[4096];
  ASSERT_TRUE(file->write_at(0, block).has_value());
  EXPECT_EQ(file->size(), 4096u);
}

TEST_F(FileSystemTest, FullFileSystemIsNoSpace) {
  const SmallFileSystem small(directory_.path(), 256 * kKiB);
  if (!small.mounted()) GTEST_SKIP() << small.why_not();
  const auto file = open("a", Access::create);
  const std::string content(1 * kMiB, 'x');
  const auto written = file->write_at(0, bytes_of(content));
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::no_space);
  EXPECT_NE(written.error().message.find(file->path()), std::string::npos);
  EXPECT_FALSE(written.error().hint_text().empty());
  ASSERT_TRUE(file->truncate(0).has_value());
  const auto allocated = file->allocate(1 * kMiB);
  ASSERT_FALSE(allocated.has_value());
  EXPECT_EQ(allocated.error().code, ErrorCode::no_space);
  const auto space = files_.space(directory_.path());
  ASSERT_TRUE(space.has_value());
  EXPECT_EQ(space->total_bytes, 256 * kKiB);
}

TEST_F(FileSystemTest, ReplaceOnAFullFileSystemKeepsTheOldContentAndNothingElse) {
  const SmallFileSystem small(directory_.path(), 256 * kKiB);
  if (!small.mounted()) GTEST_SKIP() << small.why_not();
  const std::string path = directory_.file("a");
  ASSERT_TRUE(replace_file(files_, path, bytes_of("old")).has_value());
  const std::string content(1 * kMiB, 'x');
  const auto done = replace_file(files_, path, bytes_of(content));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::no_space);
  EXPECT_EQ(test::read_whole_file(path), "old");
  EXPECT_EQ(files_.list(directory_.path())->size(), 1u);
}

TEST_F(FileSystemTest, LinkAcrossFileSystemsSaysSo) {
  const std::string mount_point = directory_.file("mounted");
  ASSERT_TRUE(files_.make_directories(mount_point).has_value());
  const SmallFileSystem small(mount_point, 256 * kKiB);
  if (!small.mounted()) GTEST_SKIP() << small.why_not();
  test::write_file(directory_.file("a"), "x");
  const auto done = files_.link(directory_.file("a"), mount_point + "/a");
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::io_error);
  EXPECT_NE(done.error().hint_text().find("one file system"), std::string::npos);
}

TEST_F(FileSystemTest, SecondNameForADirectoryIsPermissionDenied) {
  const auto linked = files_.link(directory_.path(), directory_.file("again"));
  ASSERT_FALSE(linked.has_value());
  EXPECT_EQ(linked.error().code, ErrorCode::permission_denied);
}

TEST_F(FileSystemTest, UnreadableFileIsPermissionDenied) {
  test::write_file(directory_.file("a"), "x");
  ASSERT_EQ(::chmod(directory_.file("a").c_str(), 0), 0);
  // Root passes mode bits, so it is somebody else for a moment.
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  const auto file = files_.open(directory_.file("a"), Access::read, Caching::buffered);
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code, ErrorCode::permission_denied);
}

TEST_F(FileSystemTest, MakeDirectoriesMakesParentsAndTakesExistingOnes) {
  const std::string deep = directory_.file("a/b/c");
  ASSERT_TRUE(files_.make_directories(deep).has_value());
  ASSERT_TRUE(files_.make_directories(deep).has_value());
  ASSERT_TRUE(files_.make_directories(deep + "/").has_value());
  EXPECT_TRUE(files_.stat(deep)->directory);
  test::write_file(directory_.file("file"), "x");
  const auto over_file = files_.make_directories(directory_.file("file"));
  ASSERT_FALSE(over_file.has_value());
  EXPECT_EQ(over_file.error().code, ErrorCode::file_exists);
  const auto below_file = files_.make_directories(directory_.file("file/d"));
  ASSERT_FALSE(below_file.has_value());
  EXPECT_EQ(below_file.error().code, ErrorCode::io_error);
}

TEST_F(FileSystemTest, ListIsByNameWithSizesAndDoesNotFollowLinks) {
  test::write_file(directory_.file("b"), "12345");
  test::write_file(directory_.file("a"), "");
  ASSERT_TRUE(files_.make_directories(directory_.file("c")).has_value());
  ASSERT_EQ(::symlink("c", directory_.file("d").c_str()), 0);
  const auto entries = files_.list(directory_.path());
  ASSERT_TRUE(entries.has_value());
  ASSERT_EQ(entries->size(), 4u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[1].name, "b");
  EXPECT_EQ((*entries)[1].size_bytes, 5u);
  EXPECT_FALSE((*entries)[1].directory);
  EXPECT_TRUE((*entries)[2].directory);
  EXPECT_FALSE((*entries)[3].directory) << "a link to a directory is none";
  EXPECT_GT((*entries)[0].modified_unix_millis, 1'600'000'000'000);
  EXPECT_EQ(files_.list(directory_.file("none")).error().code, ErrorCode::file_not_found);
}

TEST_F(FileSystemTest, StatNamesTheLastPartOfThePath) {
  test::write_file(directory_.file("b"), "12345");
  const auto entry = files_.stat(directory_.file("b"));
  ASSERT_TRUE(entry.has_value());
  EXPECT_EQ(entry->name, "b");
  EXPECT_EQ(entry->size_bytes, 5u);
  EXPECT_EQ(files_.stat(directory_.file("none")).error().code, ErrorCode::file_not_found);
}

TEST_F(FileSystemTest, LinkSharesContentAndRefusesAnExistingName) {
  test::write_file(directory_.file("a"), "x");
  test::write_file(directory_.file("b"), "y");
  ASSERT_TRUE(files_.link(directory_.file("a"), directory_.file("c")).has_value());
  EXPECT_EQ(test::read_whole_file(directory_.file("c")), "x");
  EXPECT_EQ(files_.link(directory_.file("a"), directory_.file("b")).error().code,
            ErrorCode::file_exists);
  EXPECT_EQ(files_.link(directory_.file("none"), directory_.file("d")).error().code,
            ErrorCode::file_not_found);
}

TEST_F(FileSystemTest, RemoveOfWhatIsMissingIsNoError) {
  EXPECT_TRUE(files_.remove_file(directory_.file("none")).has_value());
  EXPECT_TRUE(files_.remove_tree(directory_.file("none/deep")).has_value());
}

TEST_F(FileSystemTest, RemoveTreeDoesNotFollowLinksOutOfIt) {
  ASSERT_TRUE(files_.make_directories(directory_.file("outside")).has_value());
  test::write_file(directory_.file("outside/kept"), "x");
  ASSERT_TRUE(files_.make_directories(directory_.file("tree/deep")).has_value());
  ASSERT_EQ(::symlink(directory_.file("outside").c_str(), directory_.file("tree/deep/l").c_str()),
            0);
  ASSERT_TRUE(files_.remove_tree(directory_.file("tree")).has_value());
  EXPECT_FALSE(std::filesystem::exists(directory_.file("tree")));
  EXPECT_EQ(test::read_whole_file(directory_.file("outside/kept")), "x");
}

TEST_F(FileSystemTest, RemoveTreeLeavesNothingWhenAnotherRemovesFilesOfIt) {
  for (int round = 0; round < 20; ++round) {
    const std::string tree = directory_.file("tree" + std::to_string(round));
    std::filesystem::create_directory(tree);
    std::vector<std::string> paths;
    for (int i = 0; i < 300; ++i) {
      paths.push_back(tree + "/" + std::to_string(i));
      test::write_file(paths.back(), "x");
    }
    std::jthread other([&] {
      for (const std::string& path : paths) ::unlink(path.c_str());
    });
    const auto removed = files_.remove_tree(tree);
    EXPECT_TRUE(removed.has_value()) << removed.error().message;
    EXPECT_FALSE(std::filesystem::exists(tree)) << "round " << round;
  }
}

TEST(ParentDirectoryTest, IsTheDirectoryThatHoldsTheEntry) {
  const std::pair<const char*, const char*> cases[] = {
      {"/a/b", "/a"}, {"/a/b/", "/a"}, {"/a//b", "/a"}, {"/a", "/"}, {"/", "/"},
      {"a", "."},     {"a/b", "a"},    {"", "."},       {"a/", "."}, {"//a", "/"}};
  for (const auto& [path, parent] : cases) EXPECT_EQ(parent_directory(path), parent) << path;
}

TEST_F(FileSystemTest, ReadFileRefusesWhatIsTooLarge) {
  test::write_file(directory_.file("a"), "12345");
  EXPECT_EQ(*read_file(files_, directory_.file("a"), 5), "12345");
  EXPECT_EQ(read_file(files_, directory_.file("a"), 4).error().code, ErrorCode::corruption);
  EXPECT_EQ(read_file(files_, directory_.file("b"), 4).error().code, ErrorCode::file_not_found);
}

// Every call of a replacement fails once: the file is then whole, old or new, and no temporary
// file is left but where removing it is what failed.
TEST_F(FileSystemTest, ReplaceThatFailsAnywhereLeavesOldOrNewContent) {
  using test::Call;
  const std::string path = directory_.file("a");
  test::FaultPlan plan;
  test::FaultFileSystem faulty(files_, plan);
  ASSERT_TRUE(replace_file(faulty, path, bytes_of("first")).has_value());
  ASSERT_TRUE(replace_file(faulty, path, bytes_of("second")).has_value());
  EXPECT_EQ(test::read_whole_file(path), "second");
  const std::pair<Call, const char*> cases[] = {
      {Call::create, "second"}, {Call::write, "second"},  {Call::sync, "second"},
      {Call::close, "second"},  {Call::rename, "second"}, {Call::sync_directory, "third"}};
  for (const auto& [call, left] : cases) {
    plan.clear();
    plan.fail(call, 1, ErrorCode::no_space);
    const auto done = replace_file(faulty, path, bytes_of("third"));
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, ErrorCode::no_space);
    EXPECT_EQ(plan.failures(), 1u);
    EXPECT_EQ(test::read_whole_file(path), left);
    EXPECT_EQ(files_.list(directory_.path())->size(), 1u);
  }
}

TEST_F(FileSystemTest, ReplaceSyncsContentBeforeRenameAndDirectoryAfter) {
  using test::Call;
  test::FaultPlan plan;
  test::FaultFileSystem faulty(files_, plan);
  std::vector<Call> calls;
  plan.before_each([&](Call call, const std::string&) { calls.push_back(call); });
  ASSERT_TRUE(replace_file(faulty, directory_.file("a"), bytes_of("x")).has_value());
  EXPECT_EQ(calls, (std::vector<Call>{Call::open, Call::create, Call::write, Call::sync,
                                      Call::close, Call::rename, Call::sync_directory}));
}

TEST_F(FileSystemTest, ALockHasOneHolder) {
  {
    const auto first = files_.lock(directory_.file("lock"));
    ASSERT_TRUE(first);
    const auto second = files_.lock(directory_.file("lock"));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::state_locked);
  }
  EXPECT_TRUE(files_.lock(directory_.file("lock")));
  EXPECT_EQ(files_.lock(directory_.file("none/lock")).error().code, ErrorCode::file_not_found);
}

}  // namespace
}  // namespace restored::io
