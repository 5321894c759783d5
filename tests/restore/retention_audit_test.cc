// What retention removes is in the audit: before it is begun, and what became of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

#include "failing_registry.h"
#include "restored/limits.h"
#include "schedule_fixture.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

class RetentionAuditTest : public ScheduleTest {
 protected:
  RetentionAuditTest() {
    host_.options.backups.keep_days = 0;
    host_.options.backups.keep_count = 1;
    host_.seams.wrap_store = watch_.wrap();
    host_.seams.wrap_registry = faults_.wrap();
  }
  // Oldest first.
  std::vector<AuditEntry> removals() {
    AuditQuery query;
    query.limit = 100;
    query.principal = "schedule";
    AuditPage page = host_.engine().requests().audit(query).value();
    std::erase_if(page.entries, [](const AuditEntry& entry) {
      return entry.event != AuditEvent::retention_removal;
    });
    std::ranges::reverse(page.entries);
    return page.entries;
  }
  BackupId run_with(int number) {
    host_.put(id_, records("run" + std::to_string(number), 30, static_cast<unsigned>(number)));
    EXPECT_TRUE(next_run());
    return host_.engine().operations().front().backup;
  }
  bool stored(const BackupId& id) { return host_.engine().backup(id).has_value(); }

  RegistryFaults faults_;
};

TEST_F(RetentionAuditTest, EachRemovalSaysWhatWasRemovedAndWhy) {
  open_with_database();
  switch_on();
  const BackupId first = run_with(1);
  EXPECT_TRUE(removals().empty());
  const BackupId second = run_with(2);
  run_with(3);
  ASSERT_TRUE(wait_until([&] { return removals().size() == 2 && removals()[1].ended_at > 0; }));
  const std::vector<AuditEntry> told = removals();
  EXPECT_EQ(told[0].backup, first);
  EXPECT_EQ(told[1].backup, second);
  for (const AuditEntry& entry : told) {
    EXPECT_EQ(entry.database, id_);
    EXPECT_EQ(entry.principal, "schedule");
    EXPECT_EQ(entry.outcome, "succeeded");
    EXPECT_EQ(entry.code, "");
    EXPECT_EQ(entry.reason, "newer complete backups: at least 1");
    EXPECT_GT(entry.at, 0);
    EXPECT_GE(entry.ended_at, entry.at);
  }
  EXPECT_FALSE(stored(first));
  reopen();
  EXPECT_EQ(removals().size(), 2u) << "it is durable";
}

TEST_F(RetentionAuditTest, DaysAreAReasonToo) {
  host_.options.backups.keep_days = 2;
  open_with_database();
  switch_on();
  for (int run = 1; run <= 4; ++run) run_with(run);
  ASSERT_TRUE(wait_until([&] { return !removals().empty(); }));
  EXPECT_EQ(removals().front().reason, "older than 2 days; newer complete backups: at least 1");
}

TEST_F(RetentionAuditTest, IsOnRecordBeforeAnythingIsRemoved) {
  std::atomic<int> begun_before = 0;
  std::atomic<int> removed = 0;
  watch_.before = [&](std::string_view call, std::string_view key) -> Result<void> {
    if (call != "remove" || !key.ends_with("/manifest")) return {};
    ++removed;
    const std::vector<AuditEntry> told = removals();
    if (told.size() == 1 && told[0].ended_at == 0 && told[0].outcome.empty()) ++begun_before;
    return {};
  };
  open_with_database();
  switch_on();
  const BackupId first = run_with(1);
  run_with(2);
  ASSERT_TRUE(wait_until([&] { return !stored(first); }));
  EXPECT_GE(removed, 1);
  EXPECT_EQ(begun_before, removed);
}

TEST_F(RetentionAuditTest, WhatCannotBePutOnRecordStays) {
  open_with_database();
  switch_on();
  const BackupId first = run_with(1);
  faults_.refuse_requests = true;
  run_with(2);
  ASSERT_TRUE(wait_until([&] { return schedule().retention_error.has_value(); }));
  EXPECT_EQ(schedule().retention_error->code, ErrorCode::audit_not_written);
  EXPECT_TRUE(stored(first));
  EXPECT_TRUE(removals().empty());
  faults_.refuse_requests = false;
  clock_.advance(std::chrono::seconds(limits::schedule_retry_seconds + 1));
  ASSERT_TRUE(wait_until([&] { return !stored(first) && !removals().empty(); }));
  EXPECT_TRUE(wait_until([&] { return !schedule().retention_error; }));
}

TEST_F(RetentionAuditTest, OneThatFailsSaysSoAndTheNextTryIsAnother) {
  std::atomic<bool> refuse = false;
  watch_.before = [&](std::string_view call, std::string_view) -> Result<void> {
    if (refuse && call == "remove") return fail(ErrorCode::store_permission_denied, "no delete");
    return {};
  };
  open_with_database();
  switch_on();
  const BackupId first = run_with(1);
  refuse = true;
  run_with(2);
  ASSERT_TRUE(wait_until([&] { return !removals().empty() && removals()[0].ended_at > 0; }));
  EXPECT_EQ(removals()[0].outcome, "failed");
  EXPECT_EQ(removals()[0].code, "object-store-permission-denied");
  EXPECT_EQ(removals()[0].backup, first);
  refuse = false;
  clock_.advance(std::chrono::seconds(limits::schedule_retry_seconds + 1));
  ASSERT_TRUE(wait_until([&] { return removals().size() == 2 && removals()[1].ended_at > 0; }));
  EXPECT_EQ(removals()[1].outcome, "succeeded");
  EXPECT_FALSE(stored(first));
}

}  // namespace
}  // namespace restored::test
