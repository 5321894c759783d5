// A database that cannot be opened is put aside for a restore, and back when that fails: whatever
// the power does meanwhile, its files are not lost and not taken for others.
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

#include "base/log.h"
#include "simulated_host.h"

namespace restored::test {
namespace {

class BrokenCutTest : public ::testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::error); }
  void TearDown() override { log::set_level(log::Level::info); }

  static constexpr const char* databases = "/simulated/state/databases";
  std::string instance() const { return std::string(databases) + "/" + id_.value; }
  std::string aside() const { return instance() + ".broken"; }

  // Of the disk of a host that was closed.
  void make_history() {
    SimulatedHost host(*disk_, &repository_);
    host->open();
    id_ = host->make_database("orders");
    host->put(id_, content_);
    backup_ = host->back_up(id_);
    host->close();
    current_ = *io::read_file(host.files(), instance() + "/CURRENT", 100);
    write(*disk_, instance() + "/CURRENT", "nonsense\n");
  }
  static void write(SimulatedDisk& disk, const std::string& path, const std::string& text) {
    SimulatedFiles files(disk);
    const auto bytes = std::as_bytes(std::span(text));
    ASSERT_TRUE(io::replace_file(files, path, bytes));
  }
  static bool is_there(SimulatedDisk& disk, const std::string& path) {
    return disk.stat(path).has_value();
  }
  void fail_reads_of_objects() {
    repository_.plan().fail_from({.calls = {DiskCall::read}, .path_part = "/objects/"}, 1, EIO);
  }
  // Of the databases' directory, after that change alone.
  void leave_out_sync_after(const std::string& change) {
    disk_->plan().ignore_syncs(
        [change](DiskCall call, const std::string& path, const std::string& after) {
          return call == DiskCall::sync_directory && path == databases && after == change;
        });
  }
  // What lies aside when the instance is about to be put there, though something was there before.
  bool leftover_is_there(bool left_out) {
    make_history();
    EXPECT_EQ(disk_->make_directory(aside()), 0);
    EXPECT_EQ(disk_->sync_directory(databases), 0);
    SimulatedHost host(*disk_, &repository_);
    host->open();
    if (left_out) leave_out_sync_after("remove " + id_.value + ".broken");
    disk_->plan().before_each([this](DiskCall call, const std::string& path) {
      if (!left_ && call == DiskCall::rename && path == aside())
        left_ = disk_->power_cut(Survival::nothing, 1);
    });
    host->restore(id_, backup_);
    disk_->plan().before_each(nullptr);
    host->close();
    return left_ && is_there(*left_, aside());
  }
  // Whether the instance is still aside after a restore that failed.
  bool instance_is_aside(bool left_out) {
    make_history();
    SimulatedHost host(*disk_, &repository_);
    host->open();
    fail_reads_of_objects();
    if (left_out) leave_out_sync_after("rename " + id_.value);
    EXPECT_EQ(host->restore(id_, backup_).state, OperationState::failed);
    const auto left = disk_->power_cut(Survival::nothing, 1);
    host->close();
    return is_there(*left, aside());
  }

  const std::unique_ptr<SimulatedDisk> disk_ = std::make_unique<SimulatedDisk>();
  SimulatedDisk repository_;
  std::unique_ptr<SimulatedDisk> left_;
  DatabaseId id_;
  BackupId backup_;
  const Content content_ = records("key:", 100, 1);
  std::string current_;
};

TEST_F(BrokenCutTest, WhatAnEarlierReplacementLeftIsGoneBeforeAnotherBegins) {
  EXPECT_FALSE(leftover_is_there(false));
}
TEST_F(BrokenCutTest, WithoutASyncWhatAnEarlierReplacementLeftIsBack) {
  EXPECT_TRUE(leftover_is_there(true));
}
TEST_F(BrokenCutTest, WhatIsPutBackIsInItsPlaceBeforeThatIsRecorded) {
  EXPECT_FALSE(instance_is_aside(false));
}
TEST_F(BrokenCutTest, WithoutASyncWhatIsPutBackIsAsideAgain) {
  EXPECT_TRUE(instance_is_aside(true));
}

TEST_F(BrokenCutTest, AnInstanceThatAKilledAgentPutBackIsServedDurably) {
  make_history();
  {
    SimulatedHost host(*disk_, &repository_);
    host->open();
    fail_reads_of_objects();
    bool renamed = false;
    disk_->plan().before_each([&](DiskCall call, const std::string& path) {
      if (call == DiskCall::rename && path == instance()) renamed = true;
      if (renamed && !left_ && call == DiskCall::sync_directory && path == databases)
        left_ = disk_->process_death();
    });
    host->restore(id_, backup_);
    disk_->plan().before_each(nullptr);
    host->close();
  }
  ASSERT_TRUE(left_);
  write(*left_, instance() + "/CURRENT", current_);  // somebody mends it
  SimulatedHost next(*left_, &repository_);
  next->open();
  for (const OperationView& view : next->engine().operations()) next->wait(view.id);
  EXPECT_TRUE(next->content(id_) == content_);
  const auto cut = left_->power_cut(Survival::nothing, 1);
  next->close();
  SimulatedHost last(*cut, &repository_);
  last->open();
  EXPECT_TRUE(last->content(id_) == content_);
  last->close();
}

}  // namespace
}  // namespace restored::test
