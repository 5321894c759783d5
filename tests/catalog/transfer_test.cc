// Export and ingest: from a generation to files and back, and everything that is refused.
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "catalog/database.h"
#include "catalog/options.h"
#include "catalog_fixture.h"

namespace restored::catalog::test {
namespace {

namespace fs = std::filesystem;
using Families = std::vector<std::string>;

class TransferTest : public CatalogTest {
 protected:
  // Opens a closed database's live generation with raw RocksDB, changed options and all.
  void with_raw(std::string_view name,
                const std::function<void(rocksdb::ColumnFamilyOptions&)>& change,
                const std::function<void(rocksdb::DB&, rocksdb::ColumnFamilyHandle*)>& act) {
    rocksdb::ColumnFamilyOptions generation;
    generation.num_levels = generation_levels;
    if (change) change(generation);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    const auto opened = rocksdb::DB::Open(rocksdb::DBOptions(), path(name),
                                          {{"default", {}}, {"data-1", generation}}, &handles, &db);
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    act(*db, handles[1]);
    ASSERT_TRUE(db->Flush(rocksdb::FlushOptions(), handles[1]).ok());
    for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
    ASSERT_TRUE(db->Close().ok());
    delete db;
  }

  std::unique_ptr<Database> filled(std::string_view name, int keys = 1000) {
    auto database = create(name);
    put_all(*database, made_content("key", keys, 100, 5));
    return database;
  }

  void expect_refused(Database& database, std::string_view word) {
    const std::string directory = path("refused");
    const auto exported = database.export_live(directory);
    ASSERT_FALSE(exported);
    EXPECT_EQ(exported.error().code, ErrorCode::not_restorable) << exported.error().message;
    EXPECT_NE(exported.error().message.find(word), std::string::npos) << exported.error().message;
    EXPECT_FALSE(fs::exists(directory)) << "a refused export leaves nothing";
  }

  // Nothing was left of a failed ingest, and the old data serves and takes writes.
  void expect_untouched(std::unique_ptr<Database> database, const std::string& name,
                        const Content& content) {
    EXPECT_EQ(content_of(*database), content);
    put(*database, "still", "writable");
    ASSERT_TRUE(database->close());
    EXPECT_EQ(column_families(name), (Families{"data-1", "default"}));
  }
};

TEST_F(TransferTest, ExportHoldsWhatWasWrittenBeforeItAndNothingLater) {
  auto database = filled("db");
  const Content before = content_of(*database);
  const ExportedGeneration files = exported(*database);
  put(*database, "later", "1");
  ASSERT_FALSE(files.files.empty());
  EXPECT_EQ(files.generation, 1u);
  EXPECT_EQ(files.comparator, "leveldb.BytewiseComparator");
  std::uint64_t entries = 0;
  for (const FileFacts& facts : files.files) {
    entries += facts.entries;
    EXPECT_EQ(fs::file_size(files.directory + "/" + facts.name), facts.size_bytes);
    EXPECT_FALSE(facts.db_id.empty());
    EXPECT_FALSE(facts.db_session_id.empty());
    EXPECT_GT(facts.original_file_number, 0u);
    EXPECT_LE(facts.smallest_key, facts.largest_key);
    EXPECT_LE(facts.largest_sequence, files.largest_sequence);
  }
  EXPECT_EQ(entries, before.size());
  auto target = create("target");
  restored_into(*target, files);
  EXPECT_EQ(content_of(*target), before);
}

// The flush of an export and MANIFEST writes of others go in one group; the export must see its own
// flush nevertheless.
TEST_F(TransferTest, ExportMissesNothingWhileTheManifestIsBusy) {
  auto database = filled("db", 10);
  std::stop_source stop;
  std::thread busy([&] {
    while (!stop.stop_requested()) {
      const auto staged = database->ingest(path("none"), comparator_name, {});
      EXPECT_TRUE(staged);
    }
  });
  for (int i = 0; i < 20; ++i) {
    put(*database, fmt::format("round-{}", i), "1");
    const ExportedGeneration files = exported(*database);
    bool found = false;
    for (const FileFacts& facts : files.files) {
      rocksdb::SstFileReader reader(inspection_options());
      ASSERT_TRUE(reader.Open(files.directory + "/" + facts.name).ok());
      const std::unique_ptr<rocksdb::Iterator> record(reader.NewIterator({}));
      const std::string key = raw_key(fmt::format("round-{}", i));
      record->Seek(key);
      found = found || (record->Valid() && record->key() == key);
    }
    EXPECT_TRUE(found) << "round " << i;
  }
  stop.request_stop();
  busy.join();
}

TEST_F(TransferTest, EmptyGenerationExportsNoFiles) {
  auto database = create("db");
  const ExportedGeneration files = exported(*database);
  EXPECT_TRUE(files.files.empty());
  EXPECT_TRUE(fs::is_directory(files.directory));
}

TEST_F(TransferTest, ExportIntoAnExistingDirectoryIsRefused) {
  auto database = filled("db");
  fs::create_directory(path("there"));
  EXPECT_EQ(database->export_live(path("there")).error().code, ErrorCode::file_exists);
  EXPECT_TRUE(fs::is_directory(path("there")));
}

TEST_F(TransferTest, RangeTombstonesAreRefusedAtExport) {
  ASSERT_TRUE(filled("db")->close());
  with_raw("db", nullptr, [](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* generation) {
    ASSERT_TRUE(
        db.DeleteRange({}, generation, raw_key("key00000100"), raw_key("key00000200")).ok());
    ASSERT_TRUE(db.Put({}, generation, raw_key("z"), raw_value("1")).ok());
  });
  auto database = open("db");
  expect_refused(*database, "range tombstones");
  ASSERT_TRUE(database->close());
}

TEST_F(TransferTest, FileWithNothingButARangeTombstoneIsRefusedAtExport) {
  ASSERT_TRUE(filled("db")->close());
  with_raw("db", nullptr, [](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* generation) {
    ASSERT_TRUE(db.DeleteRange({}, generation, raw_key("a"), raw_key("b")).ok());
  });
  auto database = open("db");
  expect_refused(*database, "range tombstones");
  ASSERT_TRUE(database->close());
}

TEST_F(TransferTest, BlobFilesAreRefusedAtExport) {
  ASSERT_TRUE(filled("db")->close());
  with_raw(
      "db",
      [](rocksdb::ColumnFamilyOptions& options) {
        options.enable_blob_files = true;
        options.min_blob_size = 0;
      },
      [](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* generation) {
        ASSERT_TRUE(db.Put({}, generation, raw_key("blob"), raw_value("value")).ok());
      });
  auto database = open("db");
  expect_refused(*database, "blob files");
  ASSERT_TRUE(database->close());
}

TEST_F(TransferTest, ForeignComparatorIsRefusedAtOpening) {
  auto database = create("db");
  ASSERT_TRUE(database->close());
  {
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::DBOptions(), path("db"),
                                  {{"default", {}}, {"data-1", {}}}, &handles, &db)
                    .ok());
    ASSERT_TRUE(db->DropColumnFamily(handles[1]).ok());
    rocksdb::ColumnFamilyOptions reverse;
    reverse.comparator = rocksdb::ReverseBytewiseComparator();
    rocksdb::ColumnFamilyHandle* made = nullptr;
    ASSERT_TRUE(db->CreateColumnFamily(reverse, "data-1", &made).ok());
    for (auto* handle : {handles[0], handles[1], made}) db->DestroyColumnFamilyHandle(handle);
    delete db;
  }
  const auto opened = Database::open(options("db"));
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("Comparator"), std::string::npos) << opened.error().message;
}

TEST_F(TransferTest, ForeignColumnFamilyIsRefusedAtOpeningAndNotDropped) {
  ASSERT_TRUE(filled("db")->close());
  with_raw("db", nullptr, [](rocksdb::DB& db, rocksdb::ColumnFamilyHandle*) {
    rocksdb::ColumnFamilyHandle* made = nullptr;
    ASSERT_TRUE(db.CreateColumnFamily({}, "somebody-else", &made).ok());
    db.DestroyColumnFamilyHandle(made);
  });
  EXPECT_EQ(Database::open(options("db")).error().code, ErrorCode::corruption);
  EXPECT_EQ(column_families("db"), (Families{"data-1", "default", "somebody-else"}));
}

TEST_F(TransferTest, MissingLiveGenerationIsCorruptionNotAnEmptyDatabase) {
  ASSERT_TRUE(filled("db")->close());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  ASSERT_TRUE(rocksdb::DB::Open(rocksdb::DBOptions(), path("db"), {{"default", {}}, {"data-1", {}}},
                                &handles, &db)
                  .ok());
  ASSERT_TRUE(db->DropColumnFamily(handles[1]).ok());
  for (auto* handle : handles) db->DestroyColumnFamilyHandle(handle);
  delete db;
  const auto opened = Database::open(options("db"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::corruption);
  EXPECT_NE(opened.error().message.find("missing"), std::string::npos);
}

TEST_F(TransferTest, ManySmallFilesKeepTheirLevelsAndSurviveTwoRestarts) {
  ASSERT_TRUE(create("source")->close());
  // 300 files at the last level, two above it.
  with_raw("source", nullptr, [&](rocksdb::DB& db, rocksdb::ColumnFamilyHandle* generation) {
    std::vector<std::string> files;
    std::unique_ptr<rocksdb::SstFileWriter> writer;
    int in_file = 0;
    for (const auto& [key, value] : made_content("key", 30'000, 100, 9)) {
      if (!writer) {
        files.push_back(path(fmt::format("load-{}.sst", files.size())));
        writer =
            std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), inspection_options());
        ASSERT_TRUE(writer->Open(files.back()).ok());
      }
      ASSERT_TRUE(writer->Put(key, value).ok());
      if (++in_file % 100 == 0) {
        ASSERT_TRUE(writer->Finish().ok());
        writer.reset();
      }
    }
    ASSERT_TRUE(db.IngestExternalFile(generation, files, {}).ok());
    ASSERT_TRUE(db.Put({}, generation, raw_key("key00000001"), raw_value("newer")).ok());
    ASSERT_TRUE(db.Flush(rocksdb::FlushOptions(), generation).ok());
    ASSERT_TRUE(db.Delete({}, generation, raw_key("key00000002")).ok());
  });
  auto source = open("source");
  const Content content = content_of(*source);
  EXPECT_EQ(content.size(), 29'999u);
  const ExportedGeneration files = exported(*source);
  EXPECT_EQ(files.files.size(), 302u);
  std::map<int, int> levels;
  for (const FileFacts& facts : files.files) ++levels[facts.level];
  EXPECT_EQ(levels, (std::map<int, int>{{0, 2}, {generation_levels - 1, 300}}));
  ASSERT_TRUE(source->close());

  auto target = create("target");
  put_all(*target, made_content("old", 100, 100, 1));
  restored_into(*target, files);
  EXPECT_EQ(content_of(*target), content);
  for (int i = 0; i < 2; ++i) {
    target = reopened(std::move(target), "target");
    EXPECT_EQ(content_of(*target), content);
  }
  put(*target, "key00000001", "newest");
  EXPECT_EQ(target->pin()->get(raw_key("key00000001")).value(), raw_value("newest"));
}

TEST_F(TransferTest, IdentityOfAFileSurvivesARestore) {
  auto source = filled("source");
  const ExportedGeneration files = exported(*source);
  auto target = create("target");
  restored_into(*target, files);
  const auto local = target->local_files();
  ASSERT_TRUE(local);
  ASSERT_EQ(local->size(), files.files.size());
  EXPECT_EQ(local->front().facts.db_id, files.files.front().db_id);
  EXPECT_EQ(local->front().facts.db_session_id, files.files.front().db_session_id);
  EXPECT_EQ(local->front().facts.original_file_number, files.files.front().original_file_number);
  EXPECT_TRUE(fs::exists(local->front().path));
  EXPECT_EQ(target->live_bytes(), files.files.front().size_bytes);
}

TEST_F(TransferTest, IngestRefusesAForeignComparator) {
  auto database = filled("db");
  const Content content = content_of(*database);
  const ExportedGeneration files = exported(*database);
  const auto staged =
      database->ingest(files.directory, "rocksdb.ReverseBytewiseComparator", files.files);
  EXPECT_EQ(staged.error().code, ErrorCode::corruption);
  expect_untouched(std::move(database), "db", content);
}

// One broken thing at a time: each is an error, none ends the process, nothing is left.
TEST_F(TransferTest, IngestRefusesFilesThatAreNotAsTheirFactsSay) {
  auto database = filled("db");
  const Content content = content_of(*database);
  const ExportedGeneration files = exported(*database);
  ASSERT_EQ(files.files.size(), 1u);
  const std::vector<std::pair<const char*, std::function<void(FileFacts&)>>> changes{
      {"missing file", [](FileFacts& facts) { facts.name = "999999.sst"; }},
      {"path", [](FileFacts& facts) { facts.name = "../" + facts.name; }},
      {"level", [](FileFacts& facts) { facts.level = 7; }},
      {"negative level", [](FileFacts& facts) { facts.level = -1; }},
      {"sequences", [](FileFacts& facts) { facts.smallest_sequence = facts.largest_sequence + 1; }},
      {"entries", [](FileFacts& facts) { ++facts.entries; }},
      {"deletions", [](FileFacts& facts) { ++facts.deletions; }},
      {"database id", [](FileFacts& facts) { facts.db_id += "x"; }},
      {"session", [](FileFacts& facts) { facts.db_session_id += "x"; }},
      {"number", [](FileFacts& facts) { ++facts.original_file_number; }},
  };
  for (const auto& [what, change] : changes) {
    std::vector<FileFacts> facts = files.files;
    change(facts.front());
    EXPECT_FALSE(database->ingest(files.directory, files.comparator, facts)) << what;
  }
  expect_untouched(std::move(database), "db", content);
}

TEST_F(TransferTest, IngestRefusesOverlappingFilesAndLeavesNothing) {
  auto database = filled("db");
  const ExportedGeneration first = exported(*database);
  put_all(*database, made_content("key", 1000, 100, 6));
  const Content content = content_of(*database);
  const ExportedGeneration both = exported(*database);
  ASSERT_EQ(both.files.size(), 2u);
  std::vector<FileFacts> facts = both.files;
  for (FileFacts& file : facts) file.level = 3;  // levels above 0 hold disjoint files
  const auto staged = database->ingest(both.directory, both.comparator, facts);
  ASSERT_FALSE(staged);
  EXPECT_NE(staged.error().message.find("overlapping"), std::string::npos)
      << staged.error().message;
  expect_untouched(std::move(database), "db", content);
}

// Import reads the first and last block with assertions behind them; a damaged file must be an
// error all the same, wherever the damage is.
TEST_F(TransferTest, DamagedFileIsAnErrorAtIngestOrAtFullVerification) {
  auto database = filled("db", 3000);
  const Content content = content_of(*database);
  const ExportedGeneration files = exported(*database);
  ASSERT_EQ(files.files.size(), 1u);
  const FileFacts& facts = files.files.front();
  int at_ingest = 0;
  int at_verify = 0;
  const std::uint64_t step = facts.size_bytes / 40;
  constexpr std::uint64_t footer_bytes = 53;  // its padding is covered by no checksum of RocksDB
  for (std::uint64_t offset = 3; offset + footer_bytes < facts.size_bytes; offset += step) {
    const std::string staging = path(fmt::format("damaged-{}", offset));
    fs::create_directory(staging);
    fs::copy_file(files.directory + "/" + facts.name, staging + "/" + facts.name);
    {
      std::fstream file(staging + "/" + facts.name,
                        std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(static_cast<std::streamoff>(offset));
      const int byte = file.get();
      file.seekp(static_cast<std::streamoff>(offset));
      file.put(static_cast<char>(byte ^ 0x5a));
    }
    auto staged = database->ingest(staging, files.comparator, files.files);
    if (!staged) {
      ++at_ingest;
      continue;
    }
    Expectation expected = expectation_of(files);
    expected.full = true;
    const auto verified = database->verify(**staged, expected, {});
    if (!verified) ++at_verify;
    EXPECT_FALSE(verified) << "damage at " << offset << " of " << facts.size_bytes;
  }
  EXPECT_GT(at_ingest, 0);
  EXPECT_GT(at_verify, 0);
  expect_untouched(std::move(database), "db", content);
}

}  // namespace
}  // namespace restored::catalog::test
