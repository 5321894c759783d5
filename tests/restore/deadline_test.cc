// An operation that runs longer than it may is ended as by a cancel, and says what it was doing.
#include <gtest/gtest.h>

#include "history.h"
#include "step_gate.h"
#include "support/shifted_clock.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

class DeadlineTest : public History {
 protected:
  DeadlineTest() {
    host_.options.operation_seconds_max = 3600;
    host_.seams.clock = &clock_;
    host_.seams.step = [this](std::string_view step) {
      first_.hook()(step);
      second_.hook()(step);
    };
    host_.open();
    make_history();
  }
  ~DeadlineTest() override {
    first_.let_go();
    second_.let_go();
  }
  // Housekeeping has seen that it is over.
  bool told_to_end(const OperationId& id) {
    return wait_until([&] { return !host_.engine().operation(id)->may_cancel; });
  }

  ShiftedClock clock_;
  StepGate first_{"none"};
  StepGate second_{"none"};
};

TEST_F(DeadlineTest, ARestoreBeforeItsSwapFailsAndLeavesTheOldContent) {
  first_.hold("restore.run.after-fetch");
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(first_.wait_reached());
  clock_.advance(minutes(59));
  EXPECT_TRUE(host_.engine().operation(running.id)->may_cancel);
  clock_.advance(minutes(2));
  ASSERT_TRUE(told_to_end(running.id));
  EXPECT_EQ(host_.engine().operation(running.id)->state, OperationState::running)
      << "it ends itself";
  first_.let_go();
  const OperationView ended = host_.wait(running.id);
  EXPECT_EQ(ended.state, OperationState::failed);
  ASSERT_TRUE(ended.error.has_value());
  EXPECT_EQ(ended.error->code, ErrorCode::timed_out);
  EXPECT_NE(ended.error->message.find("restore " + running.id.value +
                                      " did not end within 1 h: "
                                      "in phase fetch"),
            std::string::npos)
      << ended.error->message;
  EXPECT_NE(ended.error->hint.find("store.operation_deadline"), std::string::npos);
  EXPECT_EQ(host_.content(database_), now_);
  EXPECT_TRUE(host_.staged_files(database_).empty());
  EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
  restart();
  EXPECT_EQ(host_.engine().operation(running.id)->state, OperationState::failed)
      << "it does not go on after a restart";
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
}

TEST_F(DeadlineTest, ARestoreWhoseSwapHasBegunGoesOn) {
  const DatabaseId other = host_.make_database("other");
  first_.hold("restore.run.in-gate");
  const OperationView late = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(first_.wait_reached());
  second_.hold("restore.run.after-reserve");
  const OperationView early = host_.start_restore(other, backup_).value();
  ASSERT_TRUE(second_.wait_reached());
  clock_.advance(hours(2));
  ASSERT_TRUE(told_to_end(early.id)) << "housekeeping has looked at both";
  first_.let_go();
  second_.let_go();
  EXPECT_EQ(host_.wait(late.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.wait(early.id).error->code, ErrorCode::timed_out);
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_TRUE(host_.content(other).empty());
}

TEST_F(DeadlineTest, ACancelAfterTheDeadlineIsACancel) {
  first_.hold("restore.run.after-fetch");
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(first_.wait_reached());
  clock_.advance(hours(2));
  ASSERT_TRUE(told_to_end(running.id));
  EXPECT_TRUE(host_.engine().cancel_operation(running.id));
  first_.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::cancelled);
}

TEST_F(DeadlineTest, ABackupHasOneEvenWhereNoneIsSet) {
  host_.close();
  host_.options.operation_seconds_max = 0;
  host_.open();
  first_.hold("backup.make.after-export");
  const OperationView making = host_.engine().start_backup(database_, "slow", "test").value();
  ASSERT_TRUE(first_.wait_reached());
  second_.hold("restore.run.after-reserve");
  const DatabaseId other = host_.make_database("other");
  const OperationView restoring = host_.start_restore(other, backup_).value();
  ASSERT_TRUE(second_.wait_reached());
  clock_.advance(std::chrono::seconds(limits::backup_seconds_max) + hours(1));
  ASSERT_TRUE(told_to_end(making.id));
  EXPECT_TRUE(host_.engine().operation(restoring.id)->may_cancel) << "no deadline for a restore";
  first_.let_go();
  second_.let_go();
  const OperationView ended = host_.wait(making.id);
  EXPECT_EQ(ended.state, OperationState::failed);
  EXPECT_EQ(ended.error->code, ErrorCode::timed_out);
  EXPECT_EQ(host_.engine().backup(making.backup)->status, BackupStatus::failed);
  EXPECT_EQ(host_.wait(restoring.id).state, OperationState::succeeded);
}

TEST_F(DeadlineTest, ARestoreThatGoesOnAfterARestartHasItsWholeTimeAgain) {
  first_.hold("restore.run.after-fetch");
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(first_.wait_reached());
  clock_.advance(minutes(50));
  {
    std::jthread closing([&] { host_.close(); });
    // Returns when the restore was told to stop; it would run to its end if it were let go before.
    EXPECT_TRUE(host_.engine().wait_operation(running.id, minutes(1), {}));
    first_.let_go();
  }
  second_.hold("restore.run.after-fetch");
  host_.open();
  ASSERT_TRUE(second_.wait_reached());
  clock_.advance(minutes(50));
  first_.hold("restore.run.after-reserve");
  const DatabaseId other = host_.make_database("other");
  const OperationView younger = host_.start_restore(other, backup_).value();
  ASSERT_TRUE(first_.wait_reached());
  clock_.advance(minutes(5));
  EXPECT_TRUE(host_.engine().operation(running.id)->may_cancel);
  ASSERT_TRUE(host_.engine().cancel_operation(younger.id));
  first_.let_go();
  second_.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::succeeded);
  host_.wait(younger.id);
}

}  // namespace
}  // namespace restored::test
