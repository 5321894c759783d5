// An engine whose backups by schedule come when the test moves its clock.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "schedule_policy.h"
#include "support/shifted_clock.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"
#include "test_host.h"
#include "watched_store.h"

namespace restored::test {

class ScheduleTest : public ::testing::Test {
 protected:
  ScheduleTest() {
    host_.options.backups = due_in(std::chrono::hours(2), clock_);
    host_.seams.clock = &clock_;
  }

  void open_with_database() {
    host_.open();
    id_ = host_.make_database("orders");
    host_.put(id_, records("key", 50));
  }
  void reopen() {
    host_.close();
    host_.open();
  }
  DatabaseSchedule switch_on() { return host_.engine().set_daily_backup(id_, true).value(); }
  DatabaseSchedule schedule() { return host_.engine().schedule(id_).value(); }
  std::vector<BackupInfo> scheduled() {
    std::vector<BackupInfo> backups = host_.engine().backups(id_).value();
    std::erase_if(backups, [](const BackupInfo& info) { return !info.scheduled; });
    return backups;
  }
  std::size_t complete() {
    const std::vector<BackupInfo> all = scheduled();
    return static_cast<std::size_t>(std::ranges::count_if(
        all, [](const BackupInfo& info) { return info.status == BackupStatus::completed; }));
  }
  // The run that is due is made, and that is on record: from here on only a later one is begun.
  bool settled() {
    return wait_until([&] {
      const DatabaseSchedule now = schedule();
      return !now.operation && now.next_at && *now.next_at > clock_.wall();
    });
  }
  bool next_run() {
    clock_.advance(std::chrono::hours(24));
    return settled();
  }

  ShiftedClock clock_;
  const TemporaryDirectory directory_;
  StoreWatch watch_;
  TestHost host_{directory_.file("state"), directory_.file("repository")};
  DatabaseId id_;
};

}  // namespace restored::test
