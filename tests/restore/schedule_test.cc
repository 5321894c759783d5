// Backups that nobody asks for: each run is made once, whatever comes in between, and old ones go.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <new>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "restored/limits.h"
#include "schedule_fixture.h"
#include "step_gate.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr UnixMillis day = 24ll * 3600 * 1000;

TEST_F(ScheduleTest, EachRunMakesOneBackupThatSaysSo) {
  open_with_database();
  const DatabaseId other = host_.make_database("switched off");
  EXPECT_FALSE(schedule().enabled);
  EXPECT_FALSE(schedule().next_at);
  EXPECT_FALSE(host_.engine().database(id_)->daily_backup);
  const DatabaseSchedule before = switch_on();
  EXPECT_TRUE(before.enabled);
  EXPECT_EQ(before.chosen, true);
  ASSERT_TRUE(before.next_at);
  EXPECT_NEAR(static_cast<double>(*before.next_at - clock_.wall()), 2.0 * 3600 * 1000, 60'000);
  EXPECT_TRUE(host_.engine().database(id_)->daily_backup);
  EXPECT_TRUE(host_.engine().operations().empty()) << "nothing is due yet";

  clock_.advance(hours(3));
  ASSERT_TRUE(settled());
  ASSERT_EQ(scheduled().size(), 1u);
  const BackupInfo made = scheduled().front();
  EXPECT_EQ(made.status, BackupStatus::completed);
  EXPECT_TRUE(made.name.starts_with("scheduled 20")) << made.name;
  const OperationView operation = host_.engine().operation(*made.operation).value();
  EXPECT_EQ(operation.principal, "schedule");
  EXPECT_EQ(operation.kind, OperationKind::backup);
  EXPECT_EQ(*schedule().next_at, *before.next_at + day);

  ASSERT_TRUE(next_run());
  EXPECT_EQ(complete(), 2u);
  EXPECT_TRUE(host_.engine().backups(other)->empty());
  EXPECT_FALSE(host_.engine().backup(host_.back_up(id_))->scheduled);
  reopen();
  EXPECT_EQ(complete(), 2u) << "what the repository tells, not this process";
  EXPECT_EQ(host_.restore(id_, made.id).state, OperationState::succeeded);
}

TEST_F(ScheduleTest, TheChoiceIsDurableAndOverrulesTheConfiguration) {
  host_.options.backups.all_databases = true;
  open_with_database();
  EXPECT_TRUE(schedule().enabled);
  EXPECT_FALSE(schedule().chosen);
  ASSERT_TRUE(host_.engine().set_daily_backup(id_, false));
  reopen();
  EXPECT_FALSE(schedule().enabled);
  EXPECT_EQ(schedule().chosen, false);
  EXPECT_FALSE(host_.engine().set_daily_backup(id_, std::nullopt)->chosen);
  EXPECT_TRUE(schedule().enabled);
  EXPECT_EQ(host_.engine().set_daily_backup(DatabaseId("nobody"), true).error().code,
            ErrorCode::database_not_found);
  EXPECT_EQ(host_.engine().schedule(DatabaseId("nobody")).error().code,
            ErrorCode::database_not_found);
}

TEST_F(ScheduleTest, RunsThatTheAgentSleptThroughAreMadeUpForOnce) {
  open_with_database();
  switch_on();
  host_.close();
  clock_.advance(hours(24 * 10 + 3));
  host_.open();
  ASSERT_TRUE(settled());
  EXPECT_EQ(complete(), 1u);
  reopen();
  ASSERT_TRUE(settled());
  EXPECT_EQ(host_.engine().operations().size(), 1u);
  ASSERT_TRUE(next_run());
  EXPECT_EQ(complete(), 2u) << "and then as ever";
}

TEST_F(ScheduleTest, WhatWasDueWhileItWasOffWasNotMissed) {
  open_with_database();
  clock_.advance(hours(24 * 5));
  EXPECT_GT(*switch_on().next_at, clock_.wall());
  const DatabaseId fresh = host_.make_database("fresh");
  EXPECT_GT(*host_.engine().set_daily_backup(fresh, true)->next_at, clock_.wall());
  ASSERT_TRUE(next_run());
  EXPECT_EQ(complete(), 1u);
}

TEST_F(ScheduleTest, ADatabaseThatIsBusyIsBackedUpOnceAfterwards) {
  StepGate gate("backup.make.after-export");
  host_.seams.step = gate.hook();
  open_with_database();
  switch_on();
  const OperationView manual = host_.engine().start_backup(id_, "mine", "test").value();
  ASSERT_TRUE(gate.wait_reached());
  clock_.advance(hours(24 * 2));
  ASSERT_TRUE(wait_until([&] { return *schedule().next_at < clock_.wall(); }));
  // The thread has looked, more than once, and found it busy.
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  EXPECT_EQ(host_.engine().operations().size(), 1u);
  EXPECT_EQ(schedule().failed_tries, 0u);
  gate.let_go();
  EXPECT_EQ(host_.wait(manual.id).state, OperationState::succeeded);
  ASSERT_TRUE(settled());
  EXPECT_EQ(complete(), 1u);
}

TEST_F(ScheduleTest, ARunThatFailsIsSeenAndTriedAgainLaterAndTheNextOneComesAllTheSame) {
  std::atomic<bool> broken = true;
  watch_.before = [&](std::string_view call, std::string_view) -> Result<void> {
    if (broken && (call == "put" || call == "upload"))
      return fail(ErrorCode::store_permission_denied, "not today");
    return {};
  };
  host_.seams.wrap_store = watch_.wrap();
  broken = false;
  open_with_database();
  broken = true;
  switch_on();
  clock_.advance(hours(3));
  const auto failed = [&](unsigned tries) {
    return wait_until([&] { return schedule().failed_tries == tries; });
  };
  ASSERT_TRUE(failed(1));
  EXPECT_EQ(schedule().error->code, ErrorCode::store_permission_denied);
  const OperationView seen = host_.engine().operations().front();
  EXPECT_EQ(seen.principal, "schedule");
  EXPECT_EQ(seen.state, OperationState::failed);
  EXPECT_EQ(host_.engine().operations().size(), 1u);
  clock_.advance(std::chrono::seconds(limits::schedule_retry_seconds + 1));
  ASSERT_TRUE(failed(2));
  EXPECT_EQ(host_.engine().operations().size(), 2u) << "one a try";
  clock_.advance(hours(24));
  ASSERT_TRUE(failed(1)) << "the next run begins anew";
  EXPECT_TRUE(schedule().error);
  broken = false;
  clock_.advance(std::chrono::seconds(limits::schedule_retry_seconds + 1));
  ASSERT_TRUE(settled());
  EXPECT_EQ(schedule().failed_tries, 0u);
  EXPECT_FALSE(schedule().error);
  EXPECT_EQ(complete(), 1u);
}

TEST_F(ScheduleTest, OneThatSomebodyCancelsIsNotForcedOnHim) {
  StepGate gate("backup.make.after-export");
  host_.seams.step = gate.hook();
  open_with_database();
  switch_on();
  clock_.advance(hours(3));
  ASSERT_TRUE(gate.wait_reached());
  ASSERT_TRUE(host_.engine().cancel_operation(host_.engine().operations().front().id));
  gate.let_go();
  ASSERT_TRUE(settled());
  EXPECT_EQ(host_.engine().operations().size(), 1u);
  ASSERT_TRUE(next_run());
  EXPECT_EQ(complete(), 1u);
}

TEST_F(ScheduleTest, OneThatSomebodyCancelledIsNotForcedOnHimByARestart) {
  StepGate gate("backup.make.after-export");
  // As if the agent were killed before it had settled the run.
  host_.seams.step = [hook = gate.hook()](std::string_view step) {
    if (step == "schedule.run.after-backup") throw std::bad_alloc();
    hook(step);
  };
  open_with_database();
  switch_on();
  clock_.advance(hours(3));
  ASSERT_TRUE(gate.wait_reached());
  const OperationId id = host_.engine().operations().front().id;
  ASSERT_TRUE(host_.engine().cancel_operation(id));
  gate.let_go();
  ASSERT_EQ(host_.wait(id).state, OperationState::cancelled);
  host_.close();
  host_.seams.step = {};
  host_.open();
  ASSERT_TRUE(settled());
  EXPECT_EQ(host_.engine().operations().size(), 1u);
  ASSERT_TRUE(next_run());
  EXPECT_EQ(complete(), 1u);
}

TEST_F(ScheduleTest, AClockThatWasYearsAheadCostsOneBackupAndNoDay) {
  open_with_database();
  switch_on();
  clock_.set_wall(hours(24 * 3650));
  ASSERT_TRUE(settled());
  EXPECT_EQ(complete(), 1u) << "ten years were missed: once";
  clock_.set_wall(-hours(24 * 3650));
  ASSERT_TRUE(wait_until([&] { return schedule().settled_at <= clock_.wall(); }));
  EXPECT_LE(*schedule().next_at, clock_.wall() + day);
  clock_.advance(hours(3));
  ASSERT_TRUE(settled());
  EXPECT_EQ(complete(), 2u);
}

TEST_F(ScheduleTest, AClockThatIsSetBackALittleMakesNoRunTwice) {
  open_with_database();
  switch_on();
  clock_.advance(hours(2) + minutes(5));
  ASSERT_TRUE(settled());
  clock_.set_wall(-minutes(30));  // before it was due
  clock_.advance(hours(1));       // and due again
  ASSERT_TRUE(settled());
  EXPECT_EQ(host_.engine().operations().size(), 1u);
}

TEST_F(ScheduleTest, FewRunAtOnceAndAllComeToTheirTurn) {
  StepGate gate("backup.make.after-export");
  host_.seams.step = gate.hook();
  host_.options.backups.all_databases = true;
  open_with_database();
  std::vector<DatabaseId> ids{id_};
  for (int i = 0; i < 4; ++i) ids.push_back(host_.make_database("more"));
  clock_.advance(hours(3));
  ASSERT_TRUE(wait_until(
      [&] { return host_.engine().operations().size() == limits::scheduled_backups_max; }));
  ASSERT_TRUE(gate.wait_reached());
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // it looks every second
  EXPECT_EQ(host_.engine().operations().size(), limits::scheduled_backups_max);
  gate.let_go();
  for (const DatabaseId& id : ids) {
    id_ = id;
    ASSERT_TRUE(settled());
    EXPECT_EQ(complete(), 1u);
  }
}

TEST_F(ScheduleTest, OneThatAStopCutsOffIsTriedAgainAfterTheNextStartAsOneThatFailed) {
  StepGate gate("backup.make.after-export");
  host_.seams.step = gate.hook();
  open_with_database();
  switch_on();
  clock_.advance(hours(3));
  ASSERT_TRUE(gate.wait_reached());
  std::thread opener([&] {
    std::this_thread::sleep_for(std::chrono::seconds(2));  // by then it has been told to stop
    gate.let_go();
  });
  host_.close();
  opener.join();
  host_.seams.step = {};
  host_.open();
  // Were it the backup that ends the agent, there would be no end to it.
  ASSERT_TRUE(wait_until([&] { return schedule().failed_tries == 1; }));
  EXPECT_EQ(schedule().error->code, ErrorCode::shutting_down);
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // it looks every second
  ASSERT_EQ(host_.engine().operations().size(), 1u);
  EXPECT_EQ(host_.engine().operations().front().state, OperationState::failed);
  clock_.advance(std::chrono::seconds(limits::schedule_retry_seconds + 1));
  ASSERT_TRUE(settled());
  EXPECT_EQ(host_.engine().operations().size(), 2u);
  EXPECT_EQ(complete(), 1u);
}

}  // namespace
}  // namespace restored::test
