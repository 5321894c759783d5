// A catalog write that fails and whose bytes are in the log all the same: what a crash image of
// each moment opens as.
#include <fmt/format.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <string>

#include "catalog/database.h"
#include "catalog/options.h"
#include "catalog_fixture.h"
#include "support/wait_until.h"

namespace restored::catalog::test {
namespace {

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// The logs of "db" take every byte and fail to sync, from the n-th sync on; a copy of it is
// healthy.
class LyingDisk final : public rocksdb::FileSystemWrapper {
 public:
  LyingDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "lying"; }

  void fail_syncs_after(int good, IOStatus error) {
    error_ = std::move(error);
    good_syncs_left_ = good;
    armed_ = true;
  }
  // From now on half of what is written to a log arrives and no table of more than a few records
  // does.
  void fill_up(bool logs_can_be_cut) {
    logs_can_be_cut_ = logs_can_be_cut;
    full_ = true;
  }
  void heal() {
    armed_ = false;
    full_ = false;
  }
  int failed_tables() const { return failed_tables_; }
  int failed_cuts() const { return failed_cuts_; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::NewWritableFile(path, options, file, debug);
    if (!status.ok() || path.find("/db/") == std::string::npos) return status;
    if (path.ends_with(".log")) *file = std::make_unique<Log>(std::move(*file), *this);
    if (path.ends_with(".sst")) *file = std::make_unique<Table>(std::move(*file), *this);
    return status;
  }

 private:
  class Log final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    Log(std::unique_ptr<rocksdb::FSWritableFile> file, LyingDisk& disk)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}
    IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
      if (disk_.armed_ && disk_.good_syncs_left_-- <= 0) return disk_.error_;
      return FSWritableFileOwnerWrapper::Sync(options, debug);
    }
    using FSWritableFileOwnerWrapper::Append;
    IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                    IODebugContext* debug) override {
      if (!disk_.full_) return FSWritableFileOwnerWrapper::Append(data, options, debug);
      const rocksdb::Slice half(data.data(), data.size() / 2);
      (void)FSWritableFileOwnerWrapper::Append(half, options, debug);
      return IOStatus::NoSpace("the device is full");
    }
    IOStatus Truncate(std::uint64_t size, const IOOptions& options,
                      IODebugContext* debug) override {
      if (disk_.full_ && !disk_.logs_can_be_cut_) {
        ++disk_.failed_cuts_;
        return IOStatus::IOError("not even shorter");
      }
      return FSWritableFileOwnerWrapper::Truncate(size, options, debug);
    }

   private:
    LyingDisk& disk_;
  };

  class Table final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    Table(std::unique_ptr<rocksdb::FSWritableFile> file, LyingDisk& disk)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}
    using FSWritableFileOwnerWrapper::Append;
    IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                    IODebugContext* debug) override {
      bytes_ += data.size();
      if (disk_.full_ && bytes_ > 16 * kKiB) {
        ++disk_.failed_tables_;
        return IOStatus::NoSpace("the device is full");
      }
      return FSWritableFileOwnerWrapper::Append(data, options, debug);
    }

   private:
    LyingDisk& disk_;
    std::uint64_t bytes_ = 0;
  };

  std::atomic<bool> armed_ = false;
  std::atomic<int> good_syncs_left_ = 0;
  std::atomic<bool> full_ = false;
  std::atomic<bool> logs_can_be_cut_ = true;
  std::atomic<int> failed_tables_ = 0;
  std::atomic<int> failed_cuts_ = 0;
  IOStatus error_;
};

class DoubtTest : public CatalogTest {
 protected:
  void SetUp() override {
    disk_ = std::make_shared<LyingDisk>();
    shared_ = std::make_unique<Shared>(64 * kMiB, Disk{.rocksdb = disk_});
    auto source = create("source");
    put_all(*source, new_);
    backup_ = exported(*source);
    ASSERT_TRUE(source->close());
  }

  // Ends with a failed swap whose record lies whole in the log.
  std::unique_ptr<Database> with_failed_swap(const IOStatus& error) {
    auto database = create("db");
    put_all(*database, old_, Durability::device);
    auto staged = database->ingest(backup_.directory, backup_.comparator, backup_.files);
    EXPECT_TRUE(staged);
    // The import has synced the log: before the gate closes there is nothing left to sync.
    disk_->fail_syncs_after(0, error);
    const auto swapped =
        database->swap(std::move(*staged), restored_from("backup", "doubtful"), nullptr);
    EXPECT_FALSE(swapped);
    EXPECT_EQ(database->state().live, 1u);
    EXPECT_EQ(content_of(*database), old_);
    EXPECT_EQ(database->pin()->number(), 1u);
    return database;
  }

  Result<void> try_write(Database& database) {
    WriteSet changes;
    changes.put(raw_key("acknowledged"), raw_value("yes"));
    return database.write(database.try_begin_write(), changes, Durability::process);
  }

  // What a process finds that starts after this one died now.
  std::unique_ptr<Database> crash_image(std::string_view name) {
    // Again when files came or went meanwhile: an image is of one moment.
    EXPECT_TRUE(restored::test::wait_until([&] {
      std::error_code error;
      fs::remove_all(path(name));
      const std::set<std::string> before = files_of("db");
      fs::copy(path("db"), path(name), fs::copy_options::recursive, error);
      return !error && before == files_of("db");
    }));
    return open(name);
  }

  std::set<std::string> files_of(std::string_view name) const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path(name))) {
      names.insert(entry.path().filename());
    }
    return names;
  }

  std::shared_ptr<LyingDisk> disk_;
  ExportedGeneration backup_;
  const Content old_ = made_content("old", 200, 50, 1);
  const Content new_ = made_content("new", 100, 50, 2);
};

TEST_F(DoubtTest, BeforeItIsSettledNothingIsWrittenAndBothGenerationsAreThere) {
  auto database = with_failed_swap(IOStatus::IOError("the device lied"));
  EXPECT_FALSE(try_write(*database));
  auto image = crash_image("image");
  ASSERT_NE(image, nullptr);
  // Here the log had it: the swap happened after all, whole, and says who made it.
  EXPECT_EQ(content_of(*image), new_);
  EXPECT_EQ(image->state().last_swap, OperationId("doubtful"));
  EXPECT_EQ(image->state().previous, 1u);
  ASSERT_TRUE(image->undo(OperationId("undo"), {}));
  EXPECT_EQ(content_of(*image), old_);
  ASSERT_TRUE(image->close());
  disk_->heal();
  (void)database->close();
}

class SettledTest : public DoubtTest, public ::testing::WithParamInterface<bool> {
 protected:
  static IOStatus error() {
    return GetParam() ? IOStatus::NoSpace("the device is full")
                      : IOStatus::IOError("the device failed");
  }
};
INSTANTIATE_TEST_SUITE_P(OfEachError, SettledTest, ::testing::Bool());

// Of the device failing too: found by failing each call in turn. It took another opening, and that
// found the failed swap done.
TEST_P(SettledTest, OnceItIsSettledTheOldGenerationStaysAndNoWriteIsLost) {
  auto database = with_failed_swap(error());
  EXPECT_FALSE(try_write(*database));
  disk_->heal();
  ASSERT_TRUE(restored::test::wait_until([&] { return try_write(*database).has_value(); }));
  Content expected = old_;
  expected.emplace(raw_key("acknowledged"), raw_value("yes"));
  EXPECT_EQ(content_of(*database), expected);
  auto image = crash_image("image");
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(content_of(*image), expected);
  EXPECT_EQ(image->state().live, 1u);
  EXPECT_TRUE(image->state().last_swap.empty());
  ASSERT_TRUE(image->close());
  database = reopened(std::move(database), "db");
  EXPECT_EQ(content_of(*database), expected);
  ASSERT_TRUE(database->close());
  EXPECT_EQ(column_families("db"), (std::vector<std::string>{"data-1", "default"}));
}

TEST_F(DoubtTest, UndoThatFailedCanStillBeUndoneOnceItIsSettled) {
  auto database = create("db");
  put_all(*database, old_, Durability::device);
  auto staged = database->ingest(backup_.directory, backup_.comparator, backup_.files);
  ASSERT_TRUE(staged) << staged.error().message;
  ASSERT_TRUE(database->swap(std::move(*staged), restored_from("b", "first"), nullptr));
  disk_->fail_syncs_after(1, IOStatus::NoSpace("the device is full"));
  EXPECT_FALSE(database->undo(OperationId("undo"), {}));
  disk_->heal();
  ASSERT_TRUE(restored::test::wait_until([&] { return try_write(*database).has_value(); }));
  Content expected = new_;
  expected.emplace(raw_key("acknowledged"), raw_value("yes"));
  database = reopened(std::move(database), "db");
  ASSERT_NE(database, nullptr);
  EXPECT_EQ(content_of(*database), expected);
  ASSERT_TRUE(database->undo(OperationId("again"), {}));
  EXPECT_EQ(content_of(*database), old_);
}

TEST_F(DoubtTest, SwapAfterASettledOneWorks) {
  auto database = with_failed_swap(IOStatus::NoSpace("the device is full"));
  disk_->heal();
  ASSERT_TRUE(restored::test::wait_until([&] { return try_write(*database).has_value(); }));
  auto staged = database->ingest(backup_.directory, backup_.comparator, {});
  ASSERT_TRUE(staged) << staged.error().message;
  ASSERT_TRUE(database->swap(std::move(*staged), restored_from("b", "second"), nullptr));
  EXPECT_TRUE(content_of(*database).empty());
  database = reopened(std::move(database), "db");
  EXPECT_TRUE(content_of(*database).empty());
  EXPECT_EQ(database->state().last_swap, OperationId("second"));
}

TEST_P(SettledTest, FailedSyncOfTheLogStopsWritesUntilAnotherLogIsThere) {
  auto database = create("db");
  put_all(*database, old_);
  disk_->fail_syncs_after(0, error());
  // Within a second upkeep finds out; from then on nothing is acknowledged that may be lost.
  ASSERT_TRUE(restored::test::wait_until([&] { return !try_write(*database).has_value(); }));
  disk_->heal();
  ASSERT_TRUE(restored::test::wait_until([&] { return try_write(*database).has_value(); }));
  Content expected = old_;
  expected.emplace(raw_key("acknowledged"), raw_value("yes"));
  auto image = crash_image("image");
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(content_of(*image), expected);
  ASSERT_TRUE(image->close());
  database = reopened(std::move(database), "db");
  EXPECT_EQ(content_of(*database), expected);
}

class TornLogTest : public DoubtTest, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(WhetherItCanBeCut, TornLogTest, ::testing::Bool());

// The recovery flushes one column family after another. With the first ahead of a log that ends in
// part of a record RocksDB never opened the database again.
TEST_P(TornLogTest, DatabaseOpensAfterARecoveryThatFlushedOnlyTheFirst) {
  auto database = create("db");
  const Content big = made_content("big", 200, 1000, 1);
  put_all(*database, big);
  disk_->fill_up(GetParam());
  EXPECT_FALSE(try_write(*database));
  ASSERT_TRUE(restored::test::wait_until(
      [&] { return GetParam() ? disk_->failed_tables() > 0 : disk_->failed_cuts() > 1; }));
  auto image = crash_image("image");
  ASSERT_NE(image, nullptr);
  EXPECT_EQ(content_of(*image), big);
  ASSERT_TRUE(image->close());
  disk_->heal();
  ASSERT_TRUE(restored::test::wait_until([&] { return try_write(*database).has_value(); }));
  Content expected = big;
  expected.emplace(raw_key("acknowledged"), raw_value("yes"));
  database = reopened(std::move(database), "db");
  ASSERT_NE(database, nullptr);
  EXPECT_EQ(content_of(*database), expected);
}

}  // namespace
}  // namespace restored::catalog::test
