// A whole engine on simulated disks, none of it beside them.
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "restored/record.h"
#include "simulated_host.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

TEST(SimulatedEngineTest, BacksUpRestoresAndOpensAgainWithoutTheRealDisk) {
  SimulatedDisk state;
  SimulatedDisk repository;
  const Content content = records("key:", 500, 1);
  DatabaseId id;
  {
    SimulatedHost host(state, &repository);
    host->open();
    id = host->make_database("orders");
    host->put(id, content);
    const BackupId backup = host->back_up(id);
    host->put(id, records("later:", 10, 2));
    EXPECT_EQ(host->restore(id, backup).state, OperationState::succeeded);
    EXPECT_EQ(host->content(id), content);
    host->close();
  }
  EXPECT_GT(repository.plan().count(DiskCall::write), 0u);
  EXPECT_FALSE(std::filesystem::exists(SimulatedHost::state_directory));
  const auto left = state.power_cut(Survival::nothing, 1);
  const auto left_repository = repository.power_cut(Survival::nothing, 1);
  SimulatedHost again(*left, left_repository.get());
  again->open();
  EXPECT_EQ(again->content(id), content);
  again->close();
}

// Without the note an unmounted repository would be begun anew.
TEST(SimulatedEngineTest, TheNoteOfItsRepositoryIsDurableForTheAgentAfterAKilledOne) {
  SimulatedDisk disk;
  std::unique_ptr<SimulatedDisk> killed;
  const std::string state = SimulatedHost::state_directory;
  {
    SimulatedHost host(disk);
    bool named = false;
    disk.plan().before_each([&](DiskCall call, const std::string& path) {
      if (call == DiskCall::rename && path == state + "/repository") named = true;
      if (named && !killed && call == DiskCall::sync_directory && path == state)
        killed = disk.process_death();
    });
    host->open();
    disk.plan().before_each(nullptr);
    host->close();
  }
  ASSERT_TRUE(killed);
  EXPECT_FALSE(killed->power_cut(Survival::nothing, 1)->stat(state + "/repository"));
  SimulatedHost next(*killed);
  next->open();
  EXPECT_TRUE(killed->power_cut(Survival::nothing, 1)->stat(state + "/repository"));
  next->close();
}

// A sync of the log that fails once: the kernel drops what it had not written and reports success
// from then on. The recovery flushes one column family after another, and the power may go between
// two of them: those that were flushed were ahead of that log, and the database never opened again.
class LostPagesTest : public ::testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::error); }
  void TearDown() override { log::set_level(log::Level::info); }

  static Result<void> write(Engine& engine, const DatabaseId& id, const Content& content) {
    WriteSet changes;
    for (const auto& [key, value] : content) {
      changes.put(record::metadata_key(key),
                  record::encode(record::Type::string, std::nullopt, value));
    }
    const auto keyspace = engine.keyspace(id);
    const WritePermit permit = keyspace->try_begin_write();
    return keyspace->write(permit, changes, Durability::device);
  }
  std::string newest_log() {
    std::string newest;
    const auto listed = disk_.list(instance_);
    for (const NodeFacts& file : *listed)
      if (file.name.ends_with(".log")) newest = file.name;
    return instance_ + "/" + newest;
  }
  // Of a file of the instance.
  void cut_before_each_change() {
    disk_.plan().before_each([this](DiskCall call, const std::string& path) {
      if (!changing_calls.holds(call) || !path.starts_with(instance_)) return;
      for (const Survival survival : {Survival::nothing, Survival::any}) {
        auto left = disk_.power_cut(survival, 1);
        const std::lock_guard lock(mutex_);
        cuts_.push_back({std::string(name(call)) + " " + path, std::move(left)});
      }
    });
  }

  void fail_and_recover(const DiskPlan::SyncChoice& ignored) {
    SimulatedHost host(disk_);
    host->open();
    id_ = host->make_database("orders");
    ASSERT_TRUE(write(host->engine(), id_, promised_));
    instance_ = std::string(SimulatedHost::state_directory) + "/databases/" + id_.value;
    disk_.plan().fail({.calls = {DiskCall::sync}, .path_part = newest_log()}, 1, EIO, 0.5);
    ASSERT_FALSE(write(host->engine(), id_, records("refused:", 500, 2)));
    disk_.plan().ignore_syncs(ignored);
    cut_before_each_change();
    const Content later = records("later:", 1, 3);
    ASSERT_TRUE(wait_until([&] { return write(host->engine(), id_, later).has_value(); }));
    disk_.plan().before_each(nullptr);
    auto left = disk_.power_cut(Survival::nothing, 1);
    disk_.plan().clear();
    host->close();
    cuts_.push_back({"the end", std::move(left)});
    promised_at_the_end_ = promised_;
    promised_at_the_end_.insert(later.begin(), later.end());
  }

  std::vector<std::string> findings() const {
    std::vector<std::string> found;
    for (const Cut& cut : cuts_) {
      SimulatedHost next(*cut.left);
      next->open();
      const bool served = next->engine().keyspace(id_) != nullptr;
      if (!served) found.push_back("it does not open, cut before " + cut.place);
      const Content there = served ? next->content(id_) : promised_at_the_end_;
      for (const auto& [key, value] : &cut == &cuts_.back() ? promised_at_the_end_ : promised_) {
        const auto record = there.find(key);
        if (record == there.end() || record->second != value)
          found.push_back("no " + key + ", cut before " + cut.place);
      }
      next->close();
      const auto files = *cut.left->list(instance_);
      for (const NodeFacts& file : files)
        if (file.name.ends_with(".dbtmp")) found.push_back(file.name + ", cut before " + cut.place);
    }
    return found;
  }

  struct Cut {
    std::string place;
    std::unique_ptr<SimulatedDisk> left;
  };
  const Content promised_ = records("promised:", 20, 1);
  Content promised_at_the_end_;
  DatabaseId id_;
  SimulatedDisk disk_;
  std::string instance_;
  std::mutex mutex_;  // of the cuts
  std::vector<Cut> cuts_;
};

TEST_F(LostPagesTest, APowerLossDuringTheRecoveryLosesNothing) {
  fail_and_recover(nullptr);
  EXPECT_GT(cuts_.size(), 10u);
  EXPECT_EQ(findings(), std::vector<std::string>());
}
TEST_F(LostPagesTest, WithoutASyncTheLogThatWasWrittenAnewIsLost) {
  fail_and_recover([](DiskCall call, const std::string& path, const std::string&) {
    return call == DiskCall::sync && path.ends_with(".dbtmp");
  });
  EXPECT_NE(findings(), std::vector<std::string>());
}

}  // namespace
}  // namespace restored::test
