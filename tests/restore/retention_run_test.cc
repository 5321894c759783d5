// Which backups go when runs have been made, whatever clocks do and whatever fails.
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

class RetentionRunTest : public ScheduleTest {
 protected:
  RetentionRunTest() {
    host_.options.backups.keep_days = 0;
    host_.options.backups.keep_count = 2;
  }
  // One run with something new in it.
  void run_with(int number) {
    host_.put(id_, records("run" + std::to_string(number), 30, static_cast<unsigned>(number)));
    ASSERT_TRUE(next_run());
  }
};

TEST_F(RetentionRunTest, OldScheduledBackupsGoAndTheOthersAreWhole) {
  open_with_database();
  const BackupId mine = host_.back_up(id_, "mine");
  const Content at_first = host_.content(id_);
  const DatabaseId other = host_.make_database("not scheduled");
  const BackupId others = host_.back_up(other);
  switch_on();
  std::vector<Content> contents;
  std::vector<BackupId> made;
  for (int run = 0; run < 4; ++run) {
    run_with(run);
    contents.push_back(host_.content(id_));
    made.push_back(scheduled().front().id);
  }
  ASSERT_TRUE(wait_until([&] { return scheduled().size() == 2; }));
  EXPECT_EQ(scheduled()[0].id, made[3]);
  EXPECT_EQ(scheduled()[1].id, made[2]);
  EXPECT_TRUE(host_.engine().backup(mine));
  EXPECT_TRUE(host_.engine().backup(others)) << "of a database without a schedule";
  ASSERT_TRUE(host_.engine().collect_repository(false, {}));
  EXPECT_EQ(host_.restore(id_, made[2]).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(id_), contents[2]) << "shared objects stayed";
  EXPECT_EQ(host_.restore(id_, mine).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(id_), at_first);
}

TEST_F(RetentionRunTest, WhatIsMadeAfterAClockThatWasAheadWasPutRightStays) {
  open_with_database();
  switch_on();
  const auto made = [&](int number) {
    run_with(number);
    return host_.engine().operations().front().backup;
  };
  clock_.set_wall(hours(24 * 60));
  const std::vector<BackupId> ahead{made(1), made(2)};
  clock_.set_wall(-hours(24 * 60));
  ASSERT_TRUE(wait_until([&] { return schedule().settled_at <= clock_.wall(); }));
  const BackupId first = made(3);
  const BackupId second = made(4);
  const BackupId third = made(5);
  const auto stored = [&](const BackupId& id) { return host_.engine().backup(id).has_value(); };
  ASSERT_TRUE(wait_until([&] { return !stored(first); })) << "it has two newer ones";
  for (const BackupId& id : {second, third, ahead[0], ahead[1]}) EXPECT_TRUE(stored(id));
}

TEST_F(RetentionRunTest, WhatIsSwitchedOffKeepsItsBackups) {
  open_with_database();
  switch_on();
  run_with(1);
  run_with(2);
  ASSERT_TRUE(host_.engine().set_daily_backup(id_, false));
  host_.options.backups.keep_count = 1;
  reopen();
  clock_.advance(hours(24 * 30));
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // it looks every second
  EXPECT_EQ(scheduled().size(), 2u);
  switch_on();
  ASSERT_TRUE(wait_until([&] { return scheduled().size() == 1; })) << "now it is its business";
}

TEST_F(RetentionRunTest, OldOnesGoAlsoWhileTheRunFails) {
  std::atomic<bool> full = false;
  watch_.before = [&](std::string_view call, std::string_view) -> Result<void> {
    if (full && call == "upload") return fail(ErrorCode::store_permission_denied, "no room");
    return {};
  };
  host_.seams.wrap_store = watch_.wrap();
  open_with_database();
  switch_on();
  run_with(1);
  run_with(2);
  const BackupId newest = scheduled().front().id;
  host_.put(id_, records("more", 30));
  host_.close();
  host_.options.backups.keep_count = 1;
  clock_.advance(hours(24));
  full = true;
  host_.open();
  ASSERT_TRUE(wait_until([&] { return schedule().failed_tries == 1 && complete() == 1; }));
  EXPECT_TRUE(host_.engine().backup(newest)) << "the newest complete one stays";
  full = false;
  clock_.advance(std::chrono::seconds(limits::schedule_retry_seconds + 1));
  ASSERT_TRUE(settled());
  ASSERT_TRUE(wait_until([&] { return !host_.engine().backup(newest); }));
}

TEST_F(RetentionRunTest, OneThatIsInUseStaysUntilItIsNot) {
  StepGate gate("restore.run.after-reserve");
  host_.seams.step = gate.hook();
  open_with_database();
  const DatabaseId target = host_.make_database("target");
  switch_on();
  run_with(1);
  const BackupId oldest = scheduled().front().id;
  run_with(2);
  const OperationView restore = host_.start_restore(target, oldest).value();
  ASSERT_TRUE(gate.wait_reached());
  run_with(3);
  ASSERT_TRUE(wait_until([&] { return schedule().retention_error.has_value(); }));
  EXPECT_EQ(schedule().retention_error->code, ErrorCode::database_busy);
  EXPECT_EQ(scheduled().size(), 3u);
  gate.let_go();
  EXPECT_EQ(host_.wait(restore.id).state, OperationState::succeeded);
  clock_.advance(minutes(3));
  ASSERT_TRUE(wait_until([&] { return scheduled().size() == 2; }));
  EXPECT_TRUE(wait_until([&] { return !schedule().retention_error; }));
  EXPECT_EQ(host_.engine().backup(oldest).error().code, ErrorCode::backup_not_found);
}

}  // namespace
}  // namespace restored::test
