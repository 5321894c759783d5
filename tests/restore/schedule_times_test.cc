// When scheduled backups are due, and which have had their time: pure functions, enumerated.
#include "restore/schedule_times.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "restore/retention.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

constexpr UnixMillis second = 1000;
constexpr UnixMillis hour = 3600 * second;
constexpr UnixMillis day = 24 * hour;
constexpr UnixMillis noon = 20'000 * day + 12 * hour;

BackupPolicy daily_at(std::uint64_t hours, std::uint64_t spread_seconds = 0) {
  BackupPolicy policy;
  policy.at_seconds = hours * 3600;
  policy.spread_seconds = spread_seconds;
  return policy;
}

const DatabaseId id("abcdefghijklmnopqrstuvwx");

TEST(ScheduleTimesTest, ARunIsDueAtItsTimeOfTheDayInUtc) {
  const BackupPolicy policy = daily_at(2);
  EXPECT_EQ(last_due(policy, id, noon), noon - 10 * hour);
  EXPECT_EQ(next_due(policy, id, noon), noon + 14 * hour);
  const UnixMillis due = noon - 10 * hour;
  EXPECT_EQ(last_due(policy, id, due), due) << "at the very moment";
  EXPECT_EQ(last_due(policy, id, due - 1), due - day) << "and not before it";
  EXPECT_EQ(next_due(policy, id, due - 1), due);
}

TEST(ScheduleTimesTest, BeforeTheEpochTimeGoesTheSameWay) {
  const BackupPolicy policy = daily_at(2);
  EXPECT_EQ(last_due(policy, id, 0), 2 * hour - day);
  EXPECT_EQ(last_due(policy, id, -5 * day), 2 * hour - 6 * day);
  EXPECT_EQ(next_due(policy, id, -5 * day), 2 * hour - 5 * day);
}

TEST(ScheduleTimesTest, EveryPeriodHasOneRunOfEachDatabaseAtItsOwnMoment) {
  const BackupPolicy policy = daily_at(2, 3600);
  std::set<UnixMillis> moments;
  for (int i = 0; i < 500; ++i) {
    const DatabaseId database(fmt::format("database{:016}", i));
    const UnixMillis due = last_due(policy, database, noon);
    EXPECT_EQ(last_due(policy, database, noon), due) << "the same when it is asked again";
    EXPECT_EQ(last_due(policy, database, noon + day), due + day);
    const UnixMillis after = due - (noon - 10 * hour);
    EXPECT_GE(after, 0);
    EXPECT_LT(after, hour);
    moments.insert(after / (6 * 60 * second));
  }
  EXPECT_EQ(moments.size(), 10u) << "no six minutes of the hour without one of 500";
}

TEST(ScheduleTimesTest, ASpreadLongerThanThePeriodIsOneOfThePeriod) {
  BackupPolicy policy = daily_at(0, 24 * 3600);
  policy.every_seconds = 60;
  for (int i = 0; i < 100; ++i) {
    const DatabaseId database(fmt::format("database{:016}", i));
    EXPECT_GT(last_due(policy, database, noon), noon - 60 * second);
    EXPECT_LE(last_due(policy, database, noon), noon);
  }
}

TEST(ScheduleTimesTest, TriesWaitLongerAndLongerUpToALimit) {
  EXPECT_EQ(retry_wait(1).count(), limits::schedule_retry_seconds);
  EXPECT_EQ(retry_wait(2).count(), 2 * limits::schedule_retry_seconds);
  for (const std::uint32_t tries : {10u, 64u, 1'000'000u})
    EXPECT_EQ(retry_wait(tries).count(), limits::schedule_retry_seconds_max);
}

TEST(ScheduleTimesTest, TheDatabasesOwnWordCountsMoreThanThePolicy) {
  BackupPolicy policy;
  registry::DatabaseRecord record;
  EXPECT_FALSE(backed_up_by_schedule(policy, record));
  policy.all_databases = true;
  EXPECT_TRUE(backed_up_by_schedule(policy, record));
  record.daily_backup = false;
  EXPECT_FALSE(backed_up_by_schedule(policy, record));
  policy.all_databases = false;
  record.daily_backup = true;
  EXPECT_TRUE(backed_up_by_schedule(policy, record));
}

// Newest first, one a day, from today on.
class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() {
    for (int age = 0; age < 10; ++age) {
      BackupInfo info;
      info.id = BackupId(fmt::format("b{}", age));
      info.status = BackupStatus::completed;
      info.scheduled = true;
      info.stored_bytes = 100;
      info.created_at = noon - age * day;
      backups_.push_back(info);
    }
    policy_.keep_days = 7;
    policy_.keep_count = 1;
  }
  std::set<std::string> past(UnixMillis now = noon + hour) const {
    std::set<std::string> ids;
    for (const BackupId& backup : past_retention(backups_, policy_, now)) ids.insert(backup.value);
    return ids;
  }
  using Names = std::set<std::string>;

  std::vector<BackupInfo> backups_;
  BackupPolicy policy_;
};

TEST_F(RetentionTest, WhatIsOlderThanItsDaysGoes) {
  EXPECT_EQ(past(), (Names{"b7", "b8", "b9"}));
  policy_.keep_days = 3;
  EXPECT_EQ(past(), (Names{"b3", "b4", "b5", "b6", "b7", "b8", "b9"}));
}

TEST_F(RetentionTest, TheNewestStayHoweverOldTheyAre) {
  policy_.keep_count = 9;
  EXPECT_EQ(past(), Names{"b9"});
  EXPECT_EQ(past(noon + 1000 * day), Names{"b9"}) << "a clock that is years ahead";
  policy_.keep_count = 0;
  policy_.keep_days = 1;
  EXPECT_EQ(past(noon + 1000 * day).size(), 9u);
  EXPECT_FALSE(past(noon + 1000 * day).contains("b0"));
}

TEST_F(RetentionTest, AClockThatLeapsAheadMakesNothingOldThatWasNotNearlyOld) {
  policy_.keep_days = 5;
  policy_.keep_count = 3;
  EXPECT_EQ(past(), (Names{"b5", "b6", "b7", "b8", "b9"}));
  const Names with_next_run{"b4", "b5", "b6", "b7", "b8", "b9"};
  EXPECT_EQ(past(noon + day + hour), with_next_run);
  const UnixMillis ahead = noon + 60 * day;
  EXPECT_EQ(past(ahead), with_next_run) << "before there is a new one";
  // The clock stays there: runs are made, and age with the days between them.
  for (int run = 0; run < 3; ++run) {
    BackupInfo made = backups_.front();
    made.id = BackupId(fmt::format("n{}", run));
    made.created_at = ahead + run * day;
    backups_.insert(backups_.begin(), made);
    Names expected = with_next_run;
    for (int older = 1; older <= run; ++older) expected.insert(fmt::format("b{}", 4 - older));
    EXPECT_EQ(past(made.created_at), expected) << run;
  }
}

TEST_F(RetentionTest, WhatAClockThatWasAheadHasDatedKeepsNoOtherFromBeingTheNewest) {
  policy_.keep_days = 0;
  policy_.keep_count = 2;
  for (std::size_t i = 0; i < 4; ++i) backups_[i].created_at += 60 * day;  // and was put right
  EXPECT_EQ(past(), (Names{"b6", "b7", "b8", "b9"})) << "b4 was just made";
  EXPECT_EQ(past(noon + 70 * day), (Names{"b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9"}))
      << "their time has come";
}

TEST_F(RetentionTest, WithoutDaysTheCountDecides) {
  policy_.keep_days = 0;
  policy_.keep_count = 4;
  EXPECT_EQ(past(), (Names{"b4", "b5", "b6", "b7", "b8", "b9"}));
  policy_.keep_count = 0;
  EXPECT_TRUE(past().empty()) << "neither: everything stays";
}

TEST_F(RetentionTest, WhatSomebodyAskedForStays) {
  backups_[8].scheduled = false;
  EXPECT_EQ(past(), (Names{"b7", "b9"}));
  policy_.keep_manual = false;
  EXPECT_EQ(past(), (Names{"b7", "b8", "b9"}));
}

TEST_F(RetentionTest, TheNewestCompleteOneStaysBehindOnesThatAreNot) {
  for (int i = 0; i < 9; ++i) {
    backups_[static_cast<std::size_t>(i)].status =
        i % 2 == 0 ? BackupStatus::running : BackupStatus::unknown;
  }
  EXPECT_TRUE(past(noon + 1000 * day).empty()) << "only b9 is complete";
}

TEST_F(RetentionTest, ADamagedOneKeepsNoOtherFromStayingAndGoesInItsTime) {
  backups_[0].status = BackupStatus::failed;  // damaged: the repository has it
  policy_.keep_days = 0;
  policy_.keep_count = 2;
  EXPECT_EQ(past(), (Names{"b3", "b4", "b5", "b6", "b7", "b8", "b9"})) << "b1 and b2 are the two";
  backups_[0].status = BackupStatus::completed;
  backups_[9].status = BackupStatus::failed;
  EXPECT_TRUE(past().contains("b9"));
  backups_[9].stored_bytes = 0;  // never made: there is nothing to remove
  EXPECT_FALSE(past().contains("b9"));
}

}  // namespace
}  // namespace restored::restore
