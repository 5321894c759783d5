// A scheduled backup gives way to a restore or an undo of its database, and is made up for.
#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "schedule_fixture.h"
#include "step_gate.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

using std::chrono::hours;

class GiveWayTest : public ScheduleTest {
 protected:
  GiveWayTest() { host_.seams.step = gate_.hook(); }
  void TearDown() override {
    gate_.let_go();
    host_.close();  // before the gate goes
  }

  // A backup of the first content, and other content since.
  void open_with_backup() {
    open_with_database();
    backup_ = host_.back_up(id_, "mine");
    host_.put(id_, records("later", 20));
  }
  // The operation of the backup that is due now, which stops at this step.
  OperationView scheduled_one_at(const std::string& step) {
    gate_.hold(step);
    switch_on();
    clock_.advance(hours(3));
    EXPECT_TRUE(gate_.wait_reached());
    return host_.engine().operation(host_.engine().database(id_)->operation.value()).value();
  }
  // What begins meanwhile, and waits for the backup's end.
  template <class Begin>
  Result<OperationView> begin_over(const OperationView& backup, Begin begin) {
    std::future<Result<OperationView>> begun = std::async(std::launch::async, begin);
    EXPECT_TRUE(wait_until([&] { return !host_.engine().operation(backup.id)->may_cancel; }));
    gate_.let_go();
    return begun.get();
  }
  void expect_gave_way(const OperationView& backup, const OperationView& to) {
    const OperationView ended = host_.engine().operation(backup.id).value();
    EXPECT_EQ(ended.state, OperationState::cancelled);
    ASSERT_TRUE(ended.error);
    EXPECT_EQ(ended.error->code, ErrorCode::cancelled);
    EXPECT_NE(ended.error->message.find(to.id.value), std::string::npos) << ended.error->message;
  }
  void expect_made_up_for() {
    EXPECT_TRUE(settled());
    EXPECT_EQ(complete(), 1u);
    EXPECT_EQ(schedule().failed_tries, 0u);
    EXPECT_FALSE(schedule().error);
  }

  StepGate gate_{"nowhere"};
  BackupId backup_;
};

TEST_F(GiveWayTest, ARestoreEndsItAndItIsMadeOnceTheDatabaseIsFree) {
  open_with_backup();
  const OperationView scheduled = scheduled_one_at("backup.make.after-export");
  EXPECT_EQ(scheduled.principal, "schedule");
  const auto preview =
      host_.engine().validate_restore(RestoreRequest{id_, id_, backup_, "test", Intent(), false});
  EXPECT_TRUE(preview) << "validate answers as the restore would";
  const auto begun = begin_over(scheduled, [&] { return host_.start_restore(id_, backup_); });
  ASSERT_TRUE(begun) << begun.error().message;
  EXPECT_EQ(host_.wait(begun->id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(id_), records("key", 50));
  expect_gave_way(scheduled, *begun);
  expect_made_up_for();
}

TEST_F(GiveWayTest, AnUndoEndsItToo) {
  open_with_backup();
  ASSERT_EQ(host_.restore(id_, backup_).state, OperationState::succeeded);
  const OperationView scheduled = scheduled_one_at("backup.make.after-upload");
  const auto begun =
      begin_over(scheduled, [&] { return host_.engine().start_undo(id_, "test", Intent()); });
  ASSERT_TRUE(begun) << begun.error().message;
  EXPECT_EQ(host_.content(id_).size(), 70u);
  expect_gave_way(scheduled, *begun);
  expect_made_up_for();
}

TEST_F(GiveWayTest, WhatIsRefusedAllTheSameEndsNothing) {
  open_with_backup();
  const OperationView scheduled = scheduled_one_at("backup.make.after-export");
  EXPECT_EQ(host_.start_restore(id_, BackupId("nobody")).error().code, ErrorCode::backup_not_found);
  EXPECT_EQ(host_.engine().start_undo(id_, "test", Intent()).error().code,
            ErrorCode::nothing_to_undo);
  EXPECT_TRUE(host_.engine().operation(scheduled.id)->may_cancel);
  gate_.let_go();
  EXPECT_EQ(host_.wait(scheduled.id).state, OperationState::succeeded);
}

TEST_F(GiveWayTest, ABackupThatSomebodyAskedForStays) {
  open_with_backup();
  gate_.hold("backup.make.after-export");
  const OperationView asked = host_.engine().start_backup(id_, "mine", "test").value();
  ASSERT_TRUE(gate_.wait_reached());
  EXPECT_EQ(host_.start_restore(id_, backup_).error().code, ErrorCode::database_busy);
  gate_.let_go();
  EXPECT_EQ(host_.wait(asked.id).state, OperationState::succeeded);
}

TEST_F(GiveWayTest, OnePastItsPointOfNoReturnIsWaitedFor) {
  open_with_backup();
  const OperationView scheduled = scheduled_one_at("backup.make.after-manifest");
  EXPECT_FALSE(scheduled.may_cancel);
  std::future<Result<OperationView>> waiting =
      std::async(std::launch::async, [&] { return host_.start_restore(id_, backup_); });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout)
      << "it is not answered before the backup has ended";
  gate_.let_go();
  const Result<OperationView> begun = waiting.get();
  ASSERT_TRUE(begun) << begun.error().message;
  EXPECT_EQ(host_.wait(scheduled.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.wait(begun->id).state, OperationState::succeeded);
  expect_made_up_for();
}

TEST_F(GiveWayTest, OneThatDoesNotEndInTimeIsBusyAndARestartMakesUpForIt) {
  open_with_backup();
  const OperationView scheduled = scheduled_one_at("backup.make.after-export");
  std::future<Result<OperationView>> begun =
      std::async(std::launch::async, [&] { return host_.start_restore(id_, backup_); });
  EXPECT_EQ(begun.get().error().code, ErrorCode::database_busy);
  EXPECT_EQ(host_.engine().operation(scheduled.id)->state, OperationState::running);
  gate_.let_go();
  EXPECT_EQ(host_.wait(scheduled.id).state, OperationState::cancelled);
  reopen();
  clock_.advance(std::chrono::minutes(11));  // hosts that start together catch up one by one
  expect_made_up_for();
}

// A person does not get it again.
TEST_F(GiveWayTest, OneThatAPersonCancelsMeanwhileIsNotMadeUpFor) {
  open_with_backup();
  const OperationView scheduled = scheduled_one_at("backup.make.after-export");
  std::future<Result<OperationView>> begun =
      std::async(std::launch::async, [&] { return host_.start_restore(id_, backup_); });
  EXPECT_TRUE(wait_until([&] { return !host_.engine().operation(scheduled.id)->may_cancel; }));
  EXPECT_TRUE(host_.engine().cancel_operation(scheduled.id));
  EXPECT_FALSE(host_.engine().operation(scheduled.id)->error);
  gate_.let_go();
  const Result<OperationView> restored = begun.get();
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(host_.wait(restored->id).state, OperationState::succeeded);
  EXPECT_TRUE(settled());
  EXPECT_EQ(complete(), 0u);
}

}  // namespace
}  // namespace restored::test
