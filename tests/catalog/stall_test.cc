// The longest wait of a client that reads and writes while a restore's ingest, swap and retirement
// run beside it. The bound is generous, so that a busy machine does not fail it; for figures:
//
//   RESTORED_STALL_FILES=48 RESTORED_STALL_FILE_MIB=64 build/tests/catalog_stall_test
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "catalog/database.h"
#include "catalog/options.h"
#include "catalog_fixture.h"

namespace restored::catalog::test {
namespace {

using std::chrono::steady_clock;
using Millis = std::chrono::duration<double, std::milli>;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// Repeats an action without pause and keeps the longest time of one since the last look.
class Client {
 public:
  explicit Client(std::function<void()> act)
      : thread_([this, act = std::move(act)] {
          while (!stop_) {
            const auto begin = steady_clock::now();
            act();
            const double took = Millis(steady_clock::now() - begin).count();
            if (took > longest_) longest_ = took;
            ++actions_;
          }
        }) {}
  ~Client() {
    stop_ = true;
    thread_.join();
  }
  double take_longest() { return longest_.exchange(0); }
  std::uint64_t actions() const { return actions_; }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<double> longest_ = 0;
  std::atomic<std::uint64_t> actions_ = 0;
  std::thread thread_;
};

class StallTest : public CatalogTest {
 protected:
  // A generation of `files` SSTs, made by bulk load.
  void make_source(std::uint64_t files, std::uint64_t file_bytes) {
    ASSERT_TRUE(create("source")->close());
    rocksdb::ColumnFamilyOptions generation;
    generation.num_levels = generation_levels;
    generation.compression = rocksdb::kNoCompression;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::DBOptions(), path("source"),
                                  {{"default", {}}, {"data-1", generation}}, &handles, &db)
                    .ok());
    std::mt19937_64 random(7);
    std::string value(1000, ' ');
    std::vector<std::string> paths;
    for (std::uint64_t file = 0; file < files; ++file) {
      paths.push_back(path(fmt::format("load-{}.sst", file)));
      rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), rocksdb::Options({}, generation));
      ASSERT_TRUE(writer.Open(paths.back()).ok());
      for (std::uint64_t i = 0; writer.FileSize() < file_bytes; ++i) {
        for (std::size_t at = 0; at + 8 <= value.size(); at += 8) {
          const std::uint64_t word = random();
          std::copy_n(reinterpret_cast<const char*>(&word), 8, value.data() + at);
        }
        ASSERT_TRUE(
            writer.Put(raw_key(fmt::format("new-{:05}-{:08}", file, i)), raw_value(value)).ok());
      }
      ASSERT_TRUE(writer.Finish().ok());
    }
    rocksdb::IngestExternalFileOptions ingest;
    ingest.move_files = true;
    ASSERT_TRUE(db->IngestExternalFile(handles[1], paths, ingest).ok());
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
    ASSERT_TRUE(db->Close().ok());
    delete db;
  }
};

TEST_F(StallTest, ClientsWaitOnlyForAMomentWhileARestoreIsSwappedIn) {
  const std::uint64_t files = setting("RESTORED_STALL_FILES", 200);
  const std::uint64_t file_bytes = setting("RESTORED_STALL_FILE_MIB", 0) * kMiB + 32 * kKiB;
  make_source(files, file_bytes);
  auto source = open("source");
  const ExportedGeneration backup = exported(*source);
  ASSERT_EQ(backup.files.size(), files);
  ASSERT_TRUE(source->close());

  auto database = create("db");
  put_all(*database, made_content("old", 10'000, 200, 1));
  std::uint64_t written = 0;
  Client writer([&] {
    const WritePermit permit = database->try_begin_write();
    if (!permit) {
      std::atomic<bool> open = false;
      database->when_writable([&] { open = true; });
      while (!open) std::this_thread::yield();
      return;
    }
    WriteSet changes;
    changes.put(raw_key(fmt::format("written-{}", ++written % 1000)), raw_value("value"));
    ASSERT_TRUE(database->write(permit, changes, Durability::process));
  });
  std::mt19937 random(3);
  Client reader([&] {
    const std::string key = raw_key(fmt::format("old{:08}", random() % 10'000));
    ASSERT_TRUE(database->pin()->get(key));
  });

  double longest = 0;
  auto begin = steady_clock::now();
  const auto phase = [&](std::string_view name) {
    const double took = Millis(steady_clock::now() - begin).count();
    const double read = reader.take_longest();
    const double write = writer.take_longest();
    longest = std::max({longest, read, write});
    fmt::print("{:<10} {:8.1f} ms   longest read {:7.2f} ms   longest write {:7.2f} ms\n", name,
               took, read, write);
    begin = steady_clock::now();
  };
  std::this_thread::sleep_for(std::chrono::seconds(1));
  longest = 0;
  phase("quiet");
  auto staged = database->ingest(backup.directory, backup.comparator, backup.files);
  ASSERT_TRUE(staged) << staged.error().message;
  phase("ingest");
  ASSERT_TRUE(database->verify(**staged, expectation_of(backup), {}));
  phase("verify");
  const auto report = database->swap(std::move(*staged), restored_from("b", "op"), nullptr);
  ASSERT_TRUE(report) << report.error().message;
  phase("swap");
  std::this_thread::sleep_for(std::chrono::seconds(1));
  phase("after");
  ASSERT_TRUE(database->undo(OperationId("undo"), {}));
  phase("undo");
  std::this_thread::sleep_for(std::chrono::seconds(1));
  phase("after");
  ASSERT_TRUE(database->retire_previous());
  std::this_thread::sleep_for(std::chrono::seconds(2));
  phase("retire");
  fmt::print("{} files of {} KiB, gate closed {:.2f} ms, {} reads, {} writes\n", files,
             file_bytes / kKiB, report->gate_closed_seconds * 1000, reader.actions(),
             writer.actions());
  EXPECT_LT(longest, 2000);
}

}  // namespace
}  // namespace restored::catalog::test
