#include "catalog/record_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catalog/disk.h"
#include "simulated_disk/files.h"
#include "simulated_disk/rocksdb_files.h"
#include "support/temporary_directory.h"

namespace restored::catalog::test {
namespace {

using restored::test::changing_calls;
using restored::test::DiskCall;
using restored::test::simulated_rocksdb_files;
using restored::test::SimulatedDisk;
using restored::test::SimulatedFiles;

class RecordStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<RecordStore> open() {
    auto store = RecordStore::open(directory_.file("deep/records"));
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  static std::vector<std::string> keys(const RecordStore& store, std::string_view prefix,
                                       std::size_t limit = 100) {
    std::vector<std::string> keys;
    const auto scanned = store.scan(prefix, [&](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return keys.size() < limit;
    });
    EXPECT_TRUE(scanned);
    return keys;
  }
  restored::test::TemporaryDirectory directory_;
};

TEST_F(RecordStoreTest, KeepsRecordsAcrossReopenings) {
  auto store = open();
  WriteSet changes;
  changes.put("a", "1");
  changes.put("b", std::string("\0binary", 7));
  changes.put("c", "3");
  changes.erase("c");
  ASSERT_TRUE(store->write(changes));
  ASSERT_TRUE(store->close());
  store = open();
  EXPECT_EQ(store->get("a").value(), "1");
  EXPECT_EQ(store->get("b").value(), std::string("\0binary", 7));
  EXPECT_EQ(store->get("c").value(), std::nullopt);
}

TEST_F(RecordStoreTest, ScansAPrefixInOrderUntilToldToStop) {
  auto store = open();
  WriteSet changes;
  for (const char* key : {"o/2", "o/1", "n/9", "p/1", "o/3"}) changes.put(key, "");
  ASSERT_TRUE(store->write(changes));
  EXPECT_EQ(keys(*store, "o/"), (std::vector<std::string>{"o/1", "o/2", "o/3"}));
  EXPECT_EQ(keys(*store, "o/", 2), (std::vector<std::string>{"o/1", "o/2"}));
  EXPECT_EQ(keys(*store, "").size(), 5u);
  EXPECT_TRUE(keys(*store, "q").empty());
}

TEST_F(RecordStoreTest, SecondOpeningOfTheSameDirectoryIsRefused) {
  auto store = open();
  EXPECT_FALSE(RecordStore::open(directory_.file("deep/records")));
}

// A record store on a disk that fails.
class FailedRecordTest : public ::testing::Test {
 protected:
  std::unique_ptr<RecordStore> open() {
    auto store = RecordStore::open(
        "/records", std::make_shared<Disk>(Disk{&files_, simulated_rocksdb_files(disk_)}));
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  static WriteSet put(const char* key, const char* value) {
    WriteSet changes;
    changes.put(key, value);
    return changes;
  }
  SimulatedDisk disk_;
  SimulatedFiles files_{disk_};
};

TEST_F(FailedRecordTest, DoesNotComeBackThoughTheDeviceHasAllOfIt) {
  auto store = open();
  ASSERT_TRUE(store->write(put("password", "old")));
  for (const DiskCall call : {DiskCall::write, DiskCall::sync}) {
    disk_.plan().fail({.calls = {call}, .path_part = ".log"}, 1, EIO, 1.0);
    WriteSet changes = put("password", "new");
    changes.put("added", "1");
    ASSERT_FALSE(store->write(changes)) << name(call);
    EXPECT_EQ(disk_.plan().failures(), 1u);
    disk_.plan().clear();
    ASSERT_TRUE(store->close());
    store = open();
    EXPECT_EQ(store->get("password").value(), "old") << name(call);
    EXPECT_EQ(store->get("added").value(), std::nullopt);
  }
}

TEST_F(FailedRecordTest, DoesNotKeepLaterOnesOut) {
  auto store = open();
  disk_.plan().fail({.calls = {DiskCall::write}, .path_part = ".log"}, 1, EIO, 0.5);
  ASSERT_FALSE(store->write(put("a", "1")));
  EXPECT_TRUE(store->write(put("b", "2"))) << "without a restart";
  ASSERT_TRUE(store->close());
  store = open();
  EXPECT_EQ(store->get("a").value(), std::nullopt);
  EXPECT_EQ(store->get("b").value(), "2");
}

TEST_F(FailedRecordTest, IsSettledWhenTheDeviceTakesWritesAgain) {
  auto store = open();
  ASSERT_TRUE(store->write(put("a", "old")));
  for (const int error : {EIO, ENOSPC}) {
    disk_.plan().fail_from({.calls = changing_calls, .path_part = ""}, 1, error);
    ASSERT_FALSE(store->write(put("a", "new")));
    ASSERT_FALSE(store->write(put("a", "newer")));
    disk_.plan().clear();
    ASSERT_TRUE(store->write(put("b", "2"))) << error;
    EXPECT_EQ(store->get("a").value(), "old");
    ASSERT_TRUE(store->close());
    store = open();
    EXPECT_EQ(store->get("a").value(), "old");
    EXPECT_EQ(store->get("b").value(), "2");
  }
}

// What waits for the device together.
class GroupOfWritesTest : public FailedRecordTest {
 protected:
  std::unique_ptr<RecordStore> store_ = open();
};

TEST_F(GroupOfWritesTest, GoesWithOneSyncInTheOrderOfItsBeginnings) {
  const std::size_t syncs =
      disk_.plan().begin_count({.calls = {DiskCall::sync}, .path_part = ".log"});
  const auto first = store_->begin(put("a", "1"));
  const auto second = store_->begin(put("a", "2"));
  const auto third = store_->begin(put("b", "3"));
  EXPECT_EQ(store_->get("a").value(), std::nullopt);
  EXPECT_TRUE(store_->finish(third));
  EXPECT_EQ(store_->get("a").value(), "2");
  EXPECT_TRUE(store_->finish(first));
  EXPECT_TRUE(store_->finish(second));
  EXPECT_EQ(disk_.plan().counted(syncs), 1u);
  ASSERT_TRUE(store_->close());
  store_ = open();
  EXPECT_EQ(store_->get("a").value(), "2");
  EXPECT_EQ(store_->get("b").value(), "3");
}

TEST_F(GroupOfWritesTest, FailsTogetherAndLeavesNothing) {
  ASSERT_TRUE(store_->write(put("a", "old")));
  const auto first = store_->begin(put("a", "1"));
  const auto second = store_->begin(put("a", "2"));
  const auto third = store_->begin(put("b", "3"));
  disk_.plan().fail({.calls = {DiskCall::sync}, .path_part = ".log"}, 1, EIO, 1.0);
  for (const auto& write : {first, second, third}) {
    const Result<void> outcome = store_->finish(write);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, ErrorCode::io_error);
  }
  EXPECT_TRUE(store_->write(put("c", "4")));
  ASSERT_TRUE(store_->close());
  store_ = open();
  EXPECT_EQ(store_->get("a").value(), "old");
  EXPECT_EQ(store_->get("b").value(), std::nullopt);
  EXPECT_EQ(store_->get("c").value(), "4");
}

TEST_F(GroupOfWritesTest, KeepsEveryWriteOfManyThreads) {
  constexpr int threads = 8;
  constexpr int writes = 50;
  std::vector<std::jthread> running;
  std::atomic<int> failed{0};
  for (int thread = 0; thread < threads; ++thread) {
    running.emplace_back([this, thread, &failed] {
      for (int write = 0; write < writes; ++write) {
        WriteSet changes;
        changes.put(fmt::format("t{}/last", thread), std::to_string(write));
        changes.put(fmt::format("t{}/{}", thread, write), "");
        if (!store_->write(std::move(changes))) ++failed;
      }
    });
  }
  running.clear();
  EXPECT_EQ(failed, 0);
  ASSERT_TRUE(store_->close());
  store_ = open();
  for (int thread = 0; thread < threads; ++thread) {
    EXPECT_EQ(store_->get(fmt::format("t{}/last", thread)).value(), std::to_string(writes - 1));
    for (int write = 0; write < writes; ++write) {
      EXPECT_TRUE(store_->get(fmt::format("t{}/{}", thread, write)).value());
    }
  }
}

}  // namespace
}  // namespace restored::catalog::test
