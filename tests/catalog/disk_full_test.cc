// A device that is really full, below RocksDB's own files: a small tmpfs. Errors are told, the old
// data stays readable, and when space is freed everything goes on, in the same process and after a
// restart.
#include <errno.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "catalog/database.h"
#include "catalog/record_store.h"
#include "catalog_fixture.h"
#include "support/wait_until.h"

namespace restored::catalog::test {
namespace {

namespace fs = std::filesystem;

class DiskFullTest : public CatalogTest {
 protected:
  void SetUp() override {
    fs::create_directory(path("small"));
    if (mount("tmpfs", path("small").c_str(), "tmpfs", 0, "size=64m") != 0) {
      GTEST_SKIP() << "mounting a small file system needs CAP_SYS_ADMIN: " << std::strerror(errno);
    }
    mounted_ = true;
  }
  void TearDown() override {
    if (!mounted_) return;
    EXPECT_EQ(umount2(path("small").c_str(), MNT_DETACH), 0);
  }

  std::uint64_t free_pages() const {
    struct statvfs space = {};
    EXPECT_EQ(statvfs(path("small").c_str(), &space), 0);
    return space.f_bavail * space.f_frsize / 4096;
  }
  void fill_but(std::uint64_t pages) {
    std::ofstream filler(path("small/filler"), std::ios::binary | std::ios::app);
    const std::string page(4096, 'x');
    while (free_pages() > pages) {
      const std::uint64_t now = std::min<std::uint64_t>(free_pages() - pages, 256);
      for (std::uint64_t i = 0; i < now; ++i) filler << page;
      filler.flush();
      ASSERT_TRUE(filler) << "the filler itself must fit";
    }
  }
  // So many files and links can be made from now on.
  void limit_names(std::uint64_t free) {
    struct statvfs space = {};
    ASSERT_EQ(statvfs(path("small").c_str(), &space), 0);
    remount(space.f_files - space.f_ffree + free);
  }
  void free_space() {
    fs::remove(path("small/filler"));
    remount(100'000);
  }

  // Writes until an error comes; what was acknowledged is added to `content`.
  Error write_until_full(Database& database, Content& content) {
    for (int i = 0;; ++i) {
      const std::string key = raw_key(fmt::format("filling-{:06}", i));
      const std::string value = raw_value(std::string(16 * kKiB, 'v'));
      WriteSet changes;
      changes.put(key, value);
      const auto written = database.write(database.try_begin_write(), changes, Durability::device);
      if (!written) return written.error();
      content.insert_or_assign(key, value);
      if (i > 100'000) return Error{ErrorCode::internal, "the disk never became full", {}};
    }
  }
  bool writable_soon(Database& database, Content& content) {
    return restored::test::wait_until(
        [&] {
          WriteSet changes;
          changes.put(raw_key("after"), raw_value("1"));
          if (!database.write(database.try_begin_write(), changes, Durability::process))
            return false;
          content.insert_or_assign(raw_key("after"), raw_value("1"));
          return true;
        },
        std::chrono::seconds(60));
  }
  // Backups come from another file system in life; here they stand on the same small one.
  ExportedGeneration small_backup(const Content& content) {
    auto source = create("small/source");
    put_all(*source, content);
    auto files = source->export_live(path("small/backup"));
    EXPECT_TRUE(files);
    EXPECT_TRUE(source->close());
    return std::move(*files);
  }

  const Content old_ = made_content("old", 500, 200, 1);
  const Content new_ = made_content("new", 400, 200, 2);

 private:
  void remount(std::uint64_t names) {
    const std::string options = fmt::format("size=64m,nr_inodes={}", names);
    ASSERT_EQ(mount("tmpfs", path("small").c_str(), "tmpfs", MS_REMOUNT, options.c_str()), 0)
        << std::strerror(errno);
  }
  bool mounted_ = false;
};

TEST_F(DiskFullTest, WritesFailOldDataIsReadAndWritesGoOnWhenSpaceIsFreed) {
  auto database = create("small/db");
  Content content = old_;
  put_all(*database, old_);
  fill_but(200);
  const Error error = write_until_full(*database, content);
  EXPECT_EQ(error.code, ErrorCode::no_space) << error.message;
  EXPECT_EQ(content_of(*database), content);
  free_space();
  ASSERT_TRUE(writable_soon(*database, content));
  EXPECT_EQ(content_of(*database), content);
  for (int i = 0; i < 2; ++i) {
    database = reopened(std::move(database), "small/db");
    EXPECT_EQ(content_of(*database), content);
  }
}

// Nothing lies in memory that RocksDB's recovery could flush.
TEST_F(DiskFullTest, IdleDatabaseMeetsAFullDisk) {
  auto database = create("small/db");
  Content content = old_;
  put_all(*database, old_);
  database = reopened(std::move(database), "small/db");
  fill_but(0);
  const auto refused = [&] {
    WriteSet changes;
    changes.put(raw_key("refused"), raw_value(std::string(16 * kKiB, 'v')));
    return !database->write(database->try_begin_write(), changes, Durability::device);
  };
  EXPECT_TRUE(refused());
  // Through several attempts to resume, the disk as full as before.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  while (std::chrono::steady_clock::now() < end) {
    ASSERT_TRUE(refused());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(content_of(*database), content);
  free_space();
  ASSERT_TRUE(writable_soon(*database, content));
  database = reopened(std::move(database), "small/db");
  EXPECT_EQ(content_of(*database), content);
}

TEST_F(DiskFullTest, IdleRecordStoreMeetsAFullDisk) {
  const auto write = [](RecordStore& store, const std::string& key) {
    WriteSet changes;
    changes.put(key, std::string(16 * kKiB, 'v'));
    return store.write(changes).has_value();
  };
  {
    auto store = RecordStore::open(path("small/records"));
    ASSERT_TRUE(store);
    ASSERT_TRUE(write(**store, "kept"));
    ASSERT_TRUE((*store)->close());
  }
  auto store = RecordStore::open(path("small/records"));
  ASSERT_TRUE(store);
  fill_but(0);
  EXPECT_FALSE(write(**store, "refused"));
  fill_but(0);  // opening the records again has given some back
  EXPECT_FALSE(write(**store, "refused"));
  free_space();
  EXPECT_TRUE(restored::test::wait_until([&] { return write(**store, "after"); },
                                         std::chrono::seconds(60)));
  EXPECT_TRUE(write(**store, "again"));
  ASSERT_TRUE((*store)->close());
  store = RecordStore::open(path("small/records"));
  ASSERT_TRUE(store);
  for (const char* key : {"kept", "after", "again"}) {
    EXPECT_TRUE((*store)->get(key).value().has_value()) << key;
  }
  EXPECT_FALSE((*store)->get("refused").value().has_value());
}

TEST_F(DiskFullTest, SwapThatCannotBeWrittenKeepsTheOldForGood) {
  const ExportedGeneration backup = small_backup(new_);
  auto database = create("small/db");
  Content content = old_;
  put_all(*database, old_);
  auto staged = database->ingest(backup.directory, backup.comparator, backup.files);
  ASSERT_TRUE(staged) << staged.error().message;
  fill_but(0);
  write_until_full(*database, content);
  const auto swapped = database->swap(std::move(*staged), restored_from("b", "op"), nullptr);
  ASSERT_FALSE(swapped);
  EXPECT_EQ(swapped.error().code, ErrorCode::no_space) << swapped.error().message;
  EXPECT_EQ(database->state().live, 1u);
  EXPECT_EQ(content_of(*database), content);
  free_space();
  ASSERT_TRUE(writable_soon(*database, content));
  for (int i = 0; i < 2; ++i) {
    database = reopened(std::move(database), "small/db");
    EXPECT_EQ(content_of(*database), content);
  }
  ASSERT_TRUE(database->close());
  EXPECT_EQ(column_families("small/db"), (std::vector<std::string>{"data-1", "default"}));
}

// RocksDB does not wait for a flush any more once an attempt to recover has failed.
TEST_F(DiskFullTest, ExportAfterItHoldsAllThatWasWritten) {
  auto database = create("small/db");
  Content content = old_;
  put_all(*database, old_);
  fill_but(0);
  write_until_full(*database, content);
  // Through several attempts to resume.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(4);
  while (std::chrono::steady_clock::now() < end) {
    ASSERT_FALSE(database->write(
        database->try_begin_write(),
        [] {
          WriteSet changes;
          changes.put(raw_key("refused"), raw_value("v"));
          return changes;
        }(),
        Durability::device));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  free_space();
  ASSERT_TRUE(writable_soon(*database, content));
  for (int round = 0; round < 5; ++round) {
    const Content more = made_content(fmt::format("more-{}-", round), 2'000, 500, 3);
    put_all(*database, more);
    content.insert(more.begin(), more.end());
    const std::string directory = path(fmt::format("small/export-{}", round));
    const auto exported = database->export_live(directory);
    ASSERT_TRUE(exported) << exported.error().message;
    auto target = create(fmt::format("small/target-{}", round));
    auto staged = target->ingest(directory, exported->comparator, exported->files);
    ASSERT_TRUE(staged) << staged.error().message;
    ASSERT_TRUE(target->swap(std::move(*staged), restored_from("b", "op"), nullptr));
    EXPECT_EQ(content_of(*target), content) << round;
    ASSERT_TRUE(target->close());
    remove(fmt::format("small/target-{}", round));
    fs::remove_all(directory);
  }
}

TEST_F(DiskFullTest, ExportThatCannotFlushSaysSo) {
  auto database = create("small/db");
  Content content = old_;
  put_all(*database, old_);
  fill_but(0);
  write_until_full(*database, content);
  const auto exported = database->export_live(path("small/export"));
  ASSERT_FALSE(exported);
  EXPECT_EQ(exported.error().code, ErrorCode::no_space) << exported.error().message;
  EXPECT_FALSE(fs::exists(path("small/export")));
  free_space();
  ASSERT_TRUE(writable_soon(*database, content));
  EXPECT_TRUE(database->export_live(path("small/export")));
}

// The file system refuses the n-th new name and every new block: another place of the restore each
// time, from the first link of the import to none.
TEST_F(DiskFullTest, RestoreThatMeetsAFullDiskEndsOldOrNew) {
  auto source = create("small/source");
  for (int part = 0; part < 4; ++part) {
    put_all(*source, made_content(fmt::format("new-{}-", part), 100, 200, 2));
    fs::remove_all(path("small/backup"));
    ASSERT_TRUE(source->export_live(path("small/backup")));  // flushes: a file each
  }
  fs::remove_all(path("small/backup"));
  const auto backup = source->export_live(path("small/backup"));
  ASSERT_TRUE(backup);
  ASSERT_EQ(backup->files.size(), 4u);
  const Content new_content = content_of(*source);
  ASSERT_TRUE(source->close());

  int failed = 0;
  int succeeded = 0;
  for (std::uint64_t names = 0; names < 16; ++names) {
    const std::string name = fmt::format("small/db-{}", names);
    auto database = create(name);
    put_all(*database, old_);
    const std::string staging = path(fmt::format("small/staging-{}", names));
    fs::create_directory(staging);
    for (const FileFacts& facts : backup->files) {
      fs::create_hard_link(backup->directory + "/" + facts.name, staging + "/" + facts.name);
    }
    fill_but(0);
    limit_names(names);
    bool swapped = false;
    {
      auto staged = database->ingest(staging, backup->comparator, backup->files);
      if (staged) {
        const auto report = database->swap(std::move(*staged), restored_from("b", "op"), nullptr);
        swapped = report.has_value();
        if (!swapped) {
          EXPECT_EQ(report.error().code, ErrorCode::no_space) << report.error().message;
        }
      } else {
        EXPECT_EQ(staged.error().code, ErrorCode::no_space) << staged.error().message;
      }
    }
    (swapped ? succeeded : failed) += 1;
    Content expected = swapped ? new_content : old_;
    EXPECT_EQ(content_of(*database), expected) << names << " names free";
    free_space();
    ASSERT_TRUE(writable_soon(*database, expected)) << names << " names free";
    for (int i = 0; i < 2; ++i) {
      database = reopened(std::move(database), name);
      ASSERT_NE(database, nullptr);
      EXPECT_EQ(content_of(*database), expected) << names << " names free, opening " << i;
    }
    const std::size_t families = database->state().previous ? 3 : 2;
    ASSERT_TRUE(database->close());
    EXPECT_EQ(column_families(name).size(), families);
    database.reset();
    remove(name);
    fs::remove_all(staging);
  }
  EXPECT_GT(failed, 0);
  EXPECT_GT(succeeded, 0);
}

}  // namespace
}  // namespace restored::catalog::test
