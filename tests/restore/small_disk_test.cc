// Restores on a real file system that is small: the storage engine meets its end there too.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "step_gate.h"
#include "support/small_file_system.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"
#include "test_host.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class SmallDiskTest : public ::testing::Test {
 protected:
  // 30 MB of content that does not compress, as a backup, on another file system.
  void SetUp() override { backup_ = made_elsewhere("key:", 3000, 1); }

  // A backup of `count` records of 10,000 bytes, made by a host with another disk.
  BackupId made_elsewhere(const std::string& prefix, int count, std::uint64_t seed) {
    TestHost maker(directory_.file("maker"), directory_.file("repository"));
    maker.open();
    const DatabaseId source = maker.make_database("of-" + std::to_string(seed));
    maker.put(source, records(prefix, count, seed, 10'000));
    const BackupId backup = maker.back_up(source);
    maker.close();
    return backup;
  }

  bool mount(std::uint64_t bytes) {
    fs::create_directory(directory_.file("state"));
    small_ = std::make_unique<SmallFileSystem>(directory_.file("state"), bytes);
    return small_->mounted();
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<SmallFileSystem> small_;
  BackupId backup_;
};

TEST_F(SmallDiskTest, ARestoreThatDoesNotFitIsRefusedWithNumbers) {
  if (!mount(40 * kMiB)) GTEST_SKIP() << small_->why_not();
  TestHost host(directory_.file("state"), directory_.file("repository"));
  host.options.space_reserve_bytes = 20 * kMiB;
  host.open();
  const DatabaseId target = host.make_database("target");
  const auto started = host.start_restore(target, backup_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::insufficient_space);
  EXPECT_NE(started.error().message.find("20971520"), std::string::npos);
  host.close();
}

TEST_F(SmallDiskTest, ADiskThatFillsUpHalfWayKeepsTheOldContentServedAndWritable) {
  if (!mount(64 * kMiB)) GTEST_SKIP() << small_->why_not();
  StepGate gate("restore.run.after-reserve");
  TestHost host(directory_.file("state"), directory_.file("repository"));
  host.options.space_reserve_bytes = 0;
  host.seams.step = gate.hook();
  host.open();
  const DatabaseId target = host.make_database("target");
  const Content old = records("old:", 50, 3);
  host.put(target, old);
  const OperationView running = host.start_restore(target, backup_).value();
  ASSERT_TRUE(gate.wait_reached());
  // Somebody else takes what the preflight had counted on.
  write_file(directory_.file("state/ballast"), std::string(40 * kMiB, 'x'));
  gate.let_go();
  const OperationView ended = host.wait(running.id);
  ASSERT_EQ(ended.state, OperationState::failed);
  EXPECT_EQ(ended.error->code, ErrorCode::no_space) << ended.error->message;
  EXPECT_EQ(host.content(target), old);
  EXPECT_TRUE(host.staged_files(target).empty());
  Content more = records("more:", 5, 4);
  host.put(target, more);
  more.insert(old.begin(), old.end());
  EXPECT_EQ(host.content(target), more);
  fs::remove(directory_.file("state/ballast"));
  EXPECT_EQ(host.restore(target, backup_).state, OperationState::succeeded);
  EXPECT_EQ(host.content(target), records("key:", 3000, 1, 10'000));
  host.close();
}

TEST_F(SmallDiskTest, ThePreviousGenerationMakesRoomForARestoreThatNeedsIt) {
  // Two generations of 30 MB fit, three do not; another backup has no file in common with them.
  if (!mount(85 * kMiB)) GTEST_SKIP() << small_->why_not();
  TestHost host(directory_.file("state"), directory_.file("repository"));
  host.options.space_reserve_bytes = 1 * kMiB;
  host.open();
  const DatabaseId target = host.make_database("target");
  ASSERT_EQ(host.restore(target, backup_).state, OperationState::succeeded);
  const BackupId second = made_elsewhere("second:", 3000, 2);
  const BackupId third = made_elsewhere("third:", 3000, 3);
  ASSERT_EQ(host.restore(target, second).state, OperationState::succeeded);
  EXPECT_TRUE(host.engine().database(target)->previous_generation.has_value());
  for (const DatabaseInfo& info : host.engine().databases()) EXPECT_EQ(info.id, target);
  const OperationView ended = host.restore(target, third);
  ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
  EXPECT_EQ(host.content(target), records("third:", 3000, 3, 10'000));
  ASSERT_TRUE(host.engine().start_undo(target, "test"));
  EXPECT_EQ(host.content(target), records("second:", 3000, 2, 10'000))
      << "what was live when it began can be taken back";
  host.close();
}

// The previous generation consists of the live one's own files: letting it go frees nothing.
TEST_F(SmallDiskTest, APreviousGenerationThatWouldFreeNothingIsNotGivenUp) {
  if (!mount(85 * kMiB)) GTEST_SKIP() << small_->why_not();
  const BackupId larger = made_elsewhere("other:", 6000, 2);
  TestHost host(directory_.file("state"), directory_.file("repository"));
  host.options.space_reserve_bytes = 1 * kMiB;
  host.open();
  const DatabaseId target = host.make_database("target");
  ASSERT_EQ(host.restore(target, backup_).state, OperationState::succeeded);
  const OperationView onto_itself = host.restore(target, backup_);
  ASSERT_EQ(onto_itself.state, OperationState::succeeded);
  ASSERT_EQ(onto_itself.bytes_transferred, 0u);
  const auto previous = host.engine().database(target)->previous_generation;
  ASSERT_TRUE(previous.has_value());
  const auto refused = host.start_restore(target, larger);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::insufficient_space);
  EXPECT_EQ(host.engine().database(target)->previous_generation, previous);
  EXPECT_EQ(host.content(target), records("key:", 3000, 1, 10'000));
  host.close();
}

// What is staged has a second name in the generation that was made of it, or in what is left of
// that: it is on the disk all the same, and nothing has to make room for it once more.
TEST_F(SmallDiskTest, AHeldRestoreNeedsNoSpaceAgainAfterAStop) {
  // Three generations of 30 MB fit, four do not.
  if (!mount(105 * kMiB)) GTEST_SKIP() << small_->why_not();
  const BackupId second = made_elsewhere("second:", 3000, 2);
  const BackupId third = made_elsewhere("third:", 3000, 3);
  TestHost host(directory_.file("state"), directory_.file("repository"));
  host.options.space_reserve_bytes = 1 * kMiB;
  host.options.hold_seconds = 600;
  host.open();
  const DatabaseId target = host.make_database("target");
  ASSERT_EQ(host.restore(target, backup_).state, OperationState::succeeded);
  ASSERT_EQ(host.restore(target, second).state, OperationState::succeeded);
  const auto previous = host.engine().database(target)->previous_generation;
  ASSERT_TRUE(previous.has_value());
  const OperationId held = host.engine().start_restore({target, {}, third, "test", {}, true})->id;
  const auto waits_for_its_commit = [&] {
    return wait_until([&] { return host.engine().operation(held)->waiting_on == "its commit"; });
  };
  ASSERT_TRUE(waits_for_its_commit());
  const std::uint64_t transferred = host.engine().operation(held)->bytes_transferred;
  EXPECT_EQ(host.engine().database(target)->previous_generation, previous);
  host.close();
  host.open();
  ASSERT_TRUE(waits_for_its_commit());
  EXPECT_EQ(host.engine().database(target)->previous_generation, previous);
  ASSERT_TRUE(host.engine().commit_operation(held));
  const OperationView ended = host.wait(held);
  ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
  EXPECT_EQ(ended.bytes_transferred, transferred) << "nothing is fetched again";
  EXPECT_EQ(host.content(target), records("third:", 3000, 3, 10'000));
  ASSERT_TRUE(host.engine().start_undo(target, "test"));
  EXPECT_EQ(host.content(target), records("second:", 3000, 2, 10'000));
  host.close();
}

}  // namespace
}  // namespace restored::test
