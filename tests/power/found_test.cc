// What a process that was killed has left, seen but not durable, and the next one relies on.
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

#include "simulated_disk/disk.h"
#include "simulated_disk/files.h"
#include "store/file_store.h"

namespace restored::test {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

class FoundTest : public ::testing::Test {
 protected:
  // The process is killed when it wants to sync a directory for the nth time.
  void kill_at_directory_sync(unsigned nth) {
    disk_.plan().before_each([this, nth](DiskCall call, const std::string&) {
      if (call == DiskCall::sync_directory && ++syncs_ == nth) next_ = disk_.process_death();
    });
  }
  static bool is_there(SimulatedDisk& disk, const std::string& path) {
    return disk.stat(path).has_value();
  }
  bool survives(const std::string& path) {
    return is_there(*next_->power_cut(Survival::nothing, 1), path);
  }
  static std::unique_ptr<store::FileStore> open_store(SimulatedFiles& files) {
    return std::move(*store::FileStore::open("/repository", files, nullptr));
  }

  SimulatedDisk disk_;
  SimulatedFiles files_{disk_};
  unsigned syncs_ = 0;
  std::unique_ptr<SimulatedDisk> next_;
};

TEST_F(FoundTest, ADirectoryIsDurableForWhoReliesOnIt) {
  for (unsigned killed_at = 1; killed_at <= 3; ++killed_at) {
    SimulatedDisk disk;
    std::unique_ptr<SimulatedDisk> next;
    unsigned syncs = 0;
    disk.plan().before_each([&](DiskCall call, const std::string&) {
      if (call == DiskCall::sync_directory && ++syncs == killed_at) next = disk.process_death();
    });
    SimulatedFiles dead(disk);
    ASSERT_TRUE(dead.make_directories("/a/b/c"));
    ASSERT_TRUE(next);
    SimulatedFiles files(*next);
    ASSERT_TRUE(files.make_directories("/a/b/c"));
    EXPECT_TRUE(is_there(*next->power_cut(Survival::nothing, 1), "/a/b/c")) << killed_at;
  }
}

// The one that was made by another thread, which has not come to its sync yet.
TEST_F(FoundTest, ADirectoryBelowOneThatIsNotDurableYetMakesBothDurable) {
  ASSERT_EQ(disk_.make_directory("/a"), 0);
  ASSERT_TRUE(files_.make_directories("/a/b"));
  EXPECT_TRUE(is_there(*disk_.power_cut(Survival::nothing, 1), "/a/b"));
}

TEST_F(FoundTest, ADirectoryIsSyncedOnceAndAgainWhenItIsAnother) {
  ASSERT_TRUE(files_.make_directories("/a/b"));
  const std::uint64_t synced = disk_.plan().count(DiskCall::sync_directory);
  ASSERT_TRUE(files_.make_directories("/a/b"));
  EXPECT_EQ(disk_.plan().count(DiskCall::sync_directory), synced);
  ASSERT_EQ(disk_.remove_directory("/a/b"), 0);
  ASSERT_EQ(disk_.make_directory("/a/b"), 0);  // by somebody else
  ASSERT_TRUE(files_.make_directories("/a/b"));
  EXPECT_EQ(disk_.plan().count(DiskCall::sync_directory), synced + 1);
}

TEST_F(FoundTest, ADirectoryWhoseParentMayNotBeReadIsUsedAsItIs) {
  ASSERT_EQ(disk_.make_directory("/a"), 0);
  ASSERT_EQ(disk_.make_directory("/a/b"), 0);
  disk_.plan().fail_from({.calls = {DiskCall::sync_directory}, .path_part = "/a"}, 1, EACCES);
  EXPECT_TRUE(files_.make_directories("/a/b"));
  EXPECT_EQ(files_.make_directories("/a/c").error().code, ErrorCode::permission_denied);
}

TEST_F(FoundTest, AnObjectIsDurableOnceItIsSettled) {
  const auto dead = open_store(files_);
  // Its directory's name and its own.
  for (const unsigned killed_at : {1U, 2U}) {
    const std::string key = "objects/" + std::to_string(killed_at) + "/object";
    syncs_ = 0;
    kill_at_directory_sync(killed_at + (killed_at == 1 ? 1 : 0));
    const auto upload = dead->upload(key, {}, IfExists::keep);
    ASSERT_TRUE((*upload)->commit(bytes_of("content")));
    disk_.plan().before_each(nullptr);
    ASSERT_TRUE(next_);
    SimulatedFiles files(*next_);
    const auto store = open_store(files);
    const std::string other = "objects/none/object";
    ASSERT_TRUE(store->settle(std::vector<std::string>{key, other}, {}));
    const bool seen = store->stat(key, {}).has_value();
    EXPECT_EQ(survives("/repository/" + key), seen) << killed_at;
    EXPECT_EQ(store->stat(other, {}).error().code, ErrorCode::object_not_found);
    EXPECT_FALSE(is_there(*next_, "/repository/objects/none"));
  }
}

TEST_F(FoundTest, AnObjectThatIsMissingStaysMissingOnceThatIsSettled) {
  const auto dead = open_store(files_);
  ASSERT_TRUE(dead->put("backups/a/manifest", bytes_of("content"), {}));
  kill_at_directory_sync(1);
  ASSERT_TRUE(dead->remove("backups/a/manifest", {}));
  ASSERT_TRUE(next_);
  EXPECT_FALSE(is_there(*next_, "/repository/backups/a/manifest"));
  EXPECT_TRUE(survives("/repository/backups/a/manifest"));
  SimulatedFiles files(*next_);
  ASSERT_TRUE(open_store(files)->settle(std::vector<std::string>{"backups/a/manifest"}, {}));
  EXPECT_FALSE(survives("/repository/backups/a/manifest"));
}

TEST_F(FoundTest, WhatIsPutOrRemovedIsDurableWhenItIsTold) {
  const auto store = open_store(files_);
  ASSERT_TRUE(store->put("backups/a/manifest", bytes_of("content"), {}));
  EXPECT_TRUE(is_there(*disk_.power_cut(Survival::nothing, 1), "/repository/backups/a/manifest"));
  ASSERT_TRUE(store->put("backups/a/frames", bytes_of("content"), {}));
  EXPECT_TRUE(is_there(*disk_.power_cut(Survival::nothing, 1), "/repository/backups/a/frames"));
  ASSERT_TRUE(store->remove("backups/a/manifest", {}));
  EXPECT_FALSE(is_there(*disk_.power_cut(Survival::nothing, 1), "/repository/backups/a/manifest"));
}

TEST_F(FoundTest, AMissingRepositoryIsNotSettled) {
  const auto store = open_store(files_);
  ASSERT_TRUE(files_.remove_tree("/repository"));
  const auto settled = store->settle(std::vector<std::string>{"objects/a/b"}, {});
  EXPECT_EQ(settled.error().code, ErrorCode::object_store_unavailable);
}

}  // namespace
}  // namespace restored::test
