// Cancelling: possible in every phase before the swap begins, refused from then on.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include "step_gate.h"
#include "support/temporary_directory.h"
#include "test_host.h"

namespace restored::test {
namespace {

class CancelTest : public ::testing::TestWithParam<std::string_view> {
 protected:
  CancelTest()
      : gate_(std::string(GetParam())),
        host_(directory_.file("state"), directory_.file("repository")) {
    host_.seams.step = gate_.hook();
    host_.open();
    source_ = host_.make_database("source");
    then_ = records("key:", 300, 1);
    host_.put(source_, then_);
    now_ = records("old:", 200, 2);
    target_ = host_.make_database("target");
    host_.put(target_, now_);
  }

  const TemporaryDirectory directory_;
  StepGate gate_;
  TestHost host_;
  DatabaseId source_;
  DatabaseId target_;
  Content then_;
  Content now_;
};

class CancelBeforeSwapTest : public CancelTest {};

TEST_P(CancelBeforeSwapTest, LeavesTheOldContentAndNothingElse) {
  const BackupId backup = host_.back_up(source_);
  const OperationView running = host_.start_restore(target_, backup).value();
  ASSERT_TRUE(gate_.wait_reached());
  EXPECT_TRUE(host_.engine().operation(running.id)->may_cancel);
  const Result<OperationView> accepted = host_.engine().cancel_operation(running.id);
  ASSERT_TRUE(accepted) << accepted.error().message;
  EXPECT_FALSE(accepted->may_cancel);
  gate_.let_go();
  const OperationView ended = host_.wait(running.id);
  EXPECT_EQ(ended.state, OperationState::cancelled);
  EXPECT_FALSE(ended.error.has_value());
  EXPECT_EQ(host_.content(target_), now_);
  EXPECT_TRUE(host_.staged_files(target_).empty());
  const DatabaseInfo info = host_.engine().database(target_).value();
  EXPECT_EQ(info.status, DatabaseStatus::ready);
  EXPECT_FALSE(info.previous_generation.has_value());
  EXPECT_EQ(host_.engine().cancel_operation(running.id).error().code, ErrorCode::operation_ended);
  // And the next one works.
  EXPECT_EQ(host_.restore(target_, backup).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(target_), then_);
}

INSTANTIATE_TEST_SUITE_P(InEachPhase, CancelBeforeSwapTest,
                         ::testing::Values("restore.run.after-reserve",
                                           "restore.run.before-journal",
                                           "restore.run.after-journal", "restore.run.after-links",
                                           "restore.run.after-span", "restore.run.after-fetch",
                                           "restore.run.after-ingest", "restore.run.after-verify"));

class CancelAfterSwapTest : public CancelTest {};

TEST_P(CancelAfterSwapTest, IsRefusedAndTheRestoreSucceeds) {
  const BackupId backup = host_.back_up(source_);
  const OperationView running = host_.start_restore(target_, backup).value();
  ASSERT_TRUE(gate_.wait_reached());
  const Result<OperationView> refused = host_.engine().cancel_operation(running.id);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::past_point_of_no_return);
  EXPECT_FALSE(host_.engine().operation(running.id)->may_cancel);
  gate_.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(target_), then_);
}

INSTANTIATE_TEST_SUITE_P(FromTheSwapOn, CancelAfterSwapTest,
                         ::testing::Values("restore.run.in-gate", "restore.run.after-swap",
                                           "restore.run.after-database",
                                           "restore.run.after-cleanup"));

class CancelBackupTest : public CancelTest {};

TEST_P(CancelBackupTest, LeavesNoBackup) {
  const OperationView running = host_.engine().start_backup(source_, "mine", "test").value();
  ASSERT_TRUE(gate_.wait_reached());
  EXPECT_EQ(host_.engine().backup(running.backup)->status, BackupStatus::running);
  ASSERT_TRUE(host_.engine().cancel_operation(running.id));
  gate_.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::cancelled);
  const BackupInfo info = host_.engine().backup(running.backup).value();
  EXPECT_EQ(info.status, BackupStatus::failed);
  EXPECT_EQ(info.name, "mine");
  EXPECT_TRUE(info.error.has_value());
  EXPECT_EQ(host_.start_restore(target_, running.backup).error().code,
            ErrorCode::backup_not_usable);
  EXPECT_TRUE(host_.staged_files(source_).empty());
}

INSTANTIATE_TEST_SUITE_P(InEachPhase, CancelBackupTest,
                         ::testing::Values("backup.make.after-export", "backup.make.after-upload"));

// The disk of an agent that was killed after its answer: a copy of what is there while the
// operation is held.
class CancelAndDieTest : public CancelTest {
 protected:
  OperationView after_the_restart(const OperationView& running) {
    EXPECT_TRUE(gate_.wait_reached());
    EXPECT_TRUE(host_.engine().cancel_operation(running.id));
    std::filesystem::copy(directory_.file("state"), directory_.file("copy"),
                          std::filesystem::copy_options::recursive);
    gate_.let_go();
    EXPECT_EQ(host_.wait(running.id).state, OperationState::cancelled);
    host_.close();
    next_.open();
    return next_.wait(running.id);
  }
  TestHost next_{directory_.file("copy"), directory_.file("repository")};
};

class CancelRestoreAndDieTest : public CancelAndDieTest {};

TEST_P(CancelRestoreAndDieTest, NoRestartGoesOnWithIt) {
  const BackupId backup = host_.back_up(source_);
  const OperationView ended = after_the_restart(host_.start_restore(target_, backup).value());
  EXPECT_EQ(ended.state, OperationState::cancelled);
  EXPECT_FALSE(ended.error.has_value());
  EXPECT_EQ(next_.content(target_), now_);
  EXPECT_TRUE(next_.staged_files(target_).empty());
  const DatabaseInfo info = next_.engine().database(target_).value();
  EXPECT_EQ(info.status, DatabaseStatus::ready);
  EXPECT_FALSE(info.previous_generation.has_value());
  EXPECT_EQ(next_.restore(target_, backup).state, OperationState::succeeded);
}

INSTANTIATE_TEST_SUITE_P(InEachPhase, CancelRestoreAndDieTest,
                         ::testing::Values("restore.run.after-reserve", "restore.run.after-fetch",
                                           "restore.run.after-verify"));

class CancelBackupAndDieTest : public CancelAndDieTest {};

TEST_P(CancelBackupAndDieTest, ItIsCancelledAfterTheRestart) {
  const OperationView ended =
      after_the_restart(host_.engine().start_backup(source_, "mine", "test").value());
  EXPECT_EQ(ended.state, OperationState::cancelled);
}

INSTANTIATE_TEST_SUITE_P(AtItsUpload, CancelBackupAndDieTest,
                         ::testing::Values("backup.make.after-upload"));

}  // namespace
}  // namespace restored::test
