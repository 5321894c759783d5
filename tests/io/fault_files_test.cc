// The failing disk itself: a test tool that does not fail when told to would prove nothing.
#include "support/fault_files.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "support/temporary_directory.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

class FaultFilesTest : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  FaultPlan plan_;
  FaultFileSystem files_{io::system_files(), plan_};
  alignas(4096) std::byte block_[2 * 4096] = {};
};

TEST_F(FaultFilesTest, NthCallFailsOnceAndOthersPass) {
  auto file = files_.open(directory_.file("a"), io::Access::create, io::Caching::buffered);
  ASSERT_TRUE(file.has_value());
  plan_.fail(Call::write, 2, ErrorCode::no_space);
  EXPECT_TRUE((*file)->write_at(0, block_).has_value());
  const auto second = (*file)->write_at(0, block_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::no_space);
  EXPECT_TRUE((*file)->write_at(0, block_).has_value());
  EXPECT_EQ(plan_.count(Call::write), 3u);
  EXPECT_EQ(plan_.failures(), 1u);
}

TEST_F(FaultFilesTest, FromTheNthOnAllFailUntilCleared) {
  plan_.fail_from(Call::make_directories, 2, ErrorCode::io_error);
  EXPECT_TRUE(files_.make_directories(directory_.file("a")).has_value());
  EXPECT_FALSE(files_.make_directories(directory_.file("b")).has_value());
  EXPECT_FALSE(files_.make_directories(directory_.file("c")).has_value());
  plan_.clear();
  EXPECT_TRUE(files_.make_directories(directory_.file("d")).has_value());
  EXPECT_EQ(plan_.count(Call::make_directories), 1u);
}

TEST_F(FaultFilesTest, OnlyPathsThatAreNamedCountAndFail) {
  plan_.only(".sst");
  plan_.fail_from(Call::create, 1, ErrorCode::no_space);
  EXPECT_TRUE(
      files_.open(directory_.file("a.log"), io::Access::create, io::Caching::buffered).has_value());
  EXPECT_FALSE(
      files_.open(directory_.file("a.sst"), io::Access::create, io::Caching::buffered).has_value());
  EXPECT_EQ(plan_.count(Call::create), 1u);
}

TEST_F(FaultFilesTest, CutWriteLeavesItsFirstPart) {
  auto file = files_.open(directory_.file("a"), io::Access::create, io::Caching::buffered);
  ASSERT_TRUE(file.has_value());
  plan_.cut_writes(0.5);
  plan_.fail(Call::write, 1, ErrorCode::no_space);
  EXPECT_FALSE((*file)->write_at(0, block_).has_value());
  EXPECT_EQ((*file)->size(), 4096u);
}

TEST_F(FaultFilesTest, QueueFailsRequestsOnItsOwnThread) {
  for (const bool ring : {true, false}) {
    auto inner = io::open_io_queue({.io_uring = ring, .depth = 4, .memory = nullptr});
    ASSERT_TRUE(inner.has_value());
    FaultIoQueue queue(**inner, plan_);
    plan_.clear();
    plan_.fail(Call::write, 2, ErrorCode::no_space);
    plan_.fail(Call::read, 1, ErrorCode::io_error);
    auto file =
        files_.open(directory_.file("queue"), io::Access::create_or_open, io::Caching::buffered);
    ASSERT_TRUE(file.has_value());
    std::atomic<int> ended = 0;
    std::atomic<int> no_space = 0;
    std::atomic<int> io_error = 0;
    const auto done = [&](Result<void> result) {
      if (!result && result.error().code == ErrorCode::no_space) ++no_space;
      if (!result && result.error().code == ErrorCode::io_error) ++io_error;
      ++ended;
    };
    for (std::uint64_t index = 0; index < 3; ++index) {
      queue.submit_write(**file, index * sizeof block_, block_, done);
    }
    ASSERT_TRUE(wait_until([&] { return ended == 3; }));
    queue.submit_read(**file, 0, block_, done);
    ASSERT_TRUE(wait_until([&] { return ended == 4; }));
    EXPECT_EQ(no_space, 1);
    EXPECT_EQ(io_error, 1);
    EXPECT_EQ(plan_.count(Call::write), 3u);
  }
}

}  // namespace
}  // namespace restored::test
