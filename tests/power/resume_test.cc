// What a restore has fetched is not fetched again after a power loss: each sync of its staging that
// is left out shows in that.
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/log.h"
#include "simulated_host.h"

namespace restored::test {
namespace {

class ResumeTest : public ::testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::error); }
  void TearDown() override { log::set_level(log::Level::info); }

  // The power fails when all is fetched and nothing is ingested: the part of it, in percent, that
  // the next process finds.
  static std::uint64_t percent_found(const DiskPlan::SyncChoice& ignored) {
    SimulatedDisk disk;
    SimulatedDisk repository;
    std::unique_ptr<SimulatedDisk> left;
    OperationId operation;
    {
      SimulatedHost host(disk, &repository);
      host->seams.step = [&](std::string_view step) {
        if (step == "restore.run.after-fetch") left = disk.power_cut(Survival::nothing, 1);
      };
      host->open();
      const DatabaseId source = host->make_database("source");
      for (std::uint64_t i = 0; i < 3; ++i) {
        host->put(source, records("key" + std::to_string(i) + ":", 100, i));
        host->back_up(source);  // a file each
      }
      const BackupId backup = host->back_up(source);
      const DatabaseId target = host->make_database("target");
      disk.plan().ignore_syncs(ignored);
      operation = host->restore(target, backup).id;
      host->close();
    }
    SimulatedHost next(*left, &repository);
    next->open();
    const OperationView ended = next->wait(operation);
    EXPECT_EQ(ended.state, OperationState::succeeded);
    EXPECT_GT(ended.bytes_total, 0u);
    next->close();
    return ended.bytes_reused * 100 / ended.bytes_total;
  }
};

TEST_F(ResumeTest, WhatWasFetchedIsFoundAfterAPowerLoss) {
  EXPECT_EQ(percent_found(nullptr), 100u);
}

TEST_F(ResumeTest, EachSyncOfStagingIsMissed) {
  const auto below_staging = [](const std::string& path, std::string_view ending) {
    return path.find("/staging") != std::string::npos && path.ends_with(ending);
  };
  const auto left_out = [&](DiskCall call, std::string ending, std::string_view after = "") {
    return percent_found([=](DiskCall now, const std::string& path, const std::string& change) {
      return now == call && below_staging(path, ending) && change.starts_with(after);
    });
  };
  EXPECT_LT(left_out(DiskCall::sync, ".sst"), 100u);
  EXPECT_LT(left_out(DiskCall::sync, "/journal"), 100u);
  EXPECT_LT(left_out(DiskCall::sync_directory, "/files", "create"), 100u);
  EXPECT_LT(left_out(DiskCall::sync_directory, "", "create journal"), 100u);
  EXPECT_LT(left_out(DiskCall::sync_directory, "", "make_directory"), 100u);
}

}  // namespace
}  // namespace restored::test
