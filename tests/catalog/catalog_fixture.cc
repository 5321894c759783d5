#include "catalog_fixture.h"

#include <fmt/format.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "io/file_system.h"
#include "restored/record.h"
#include "support/wait_until.h"

namespace restored::catalog::test {

Content content_of(const Generation& generation) {
  Content content;
  auto cursor = generation.cursor();
  if (!cursor) {
    ADD_FAILURE() << cursor.error().message;
    return content;
  }
  for ((*cursor)->seek(""); (*cursor)->valid(); (*cursor)->next()) {
    content.emplace((*cursor)->key(), (*cursor)->value());
  }
  EXPECT_TRUE((*cursor)->status());
  return content;
}

std::vector<std::optional<std::string>> get_many(const Generation& generation,
                                                 std::span<const std::string_view> keys) {
  std::vector<std::optional<std::string>> answers;
  const auto read =
      generation.get_many(keys, [&](std::size_t i, std::optional<std::string_view> record) {
        EXPECT_EQ(i, answers.size());
        answers.emplace_back(record);
        return true;
      });
  EXPECT_TRUE(read);
  EXPECT_EQ(answers.size(), keys.size());
  return answers;
}

std::string raw_key(std::string_view key) {
  return record::metadata_key(key);
}

std::string raw_value(std::string_view value, std::optional<UnixMillis> expires_at) {
  return record::encode(record::Type::string, expires_at, value);
}

Content made_content(std::string_view prefix, int count, std::size_t value_bytes, unsigned seed) {
  std::mt19937 random(seed);
  Content content;
  for (int i = 0; i < count; ++i) {
    std::string value(value_bytes, ' ');
    for (char& c : value) c = static_cast<char>('a' + random() % 26);
    content.emplace(raw_key(fmt::format("{}{:08}", prefix, i)), raw_value(value));
  }
  return content;
}

void put_all(Database& database, const Content& content, Durability durability) {
  WriteSet changes;
  for (const auto& [key, value] : content) changes.put(key, value);
  WritePermit permit;
  ASSERT_TRUE(restored::test::wait_until([&] {
    permit = database.try_begin_write();
    return static_cast<bool>(permit);
  }));
  const auto written = database.write(permit, changes, durability);
  ASSERT_TRUE(written) << written.error().message;
}

void put(Database& database, std::string_view key, std::string_view value) {
  put_all(database, {{raw_key(key), raw_value(value)}});
}

void erase(Database& database, std::string_view key) {
  WriteSet changes;
  changes.erase(raw_key(key));
  const auto written = database.write(database.try_begin_write(), changes, Durability::process);
  ASSERT_TRUE(written) << written.error().message;
}

Expectation expectation_of(const ExportedGeneration& exported) {
  Expectation expected;
  expected.comparator = exported.comparator;
  expected.files = exported.files;
  for (const FileFacts& facts : exported.files) {
    expected.entries += facts.entries;
    expected.deletions += facts.deletions;
  }
  return expected;
}

Provenance restored_from(std::string_view backup, std::string_view operation) {
  return Provenance{.kind = "backup",
                    .source_database = DatabaseId("source"),
                    .backup = BackupId(std::string(backup)),
                    .operation = OperationId(std::string(operation))};
}

OpenOptions CatalogTest::options(std::string_view name, std::uint64_t undo_seconds) {
  OpenOptions options;
  options.directory = path(name);
  options.shared = shared_.get();
  options.undo_seconds = undo_seconds;
  options.clock = &clock_;
  return options;
}

std::unique_ptr<Database> CatalogTest::create(std::string_view name, std::uint64_t undo_seconds) {
  auto database = Database::create(options(name, undo_seconds));
  if (!database) {
    ADD_FAILURE() << database.error().message;
    return nullptr;
  }
  return std::move(*database);
}

std::unique_ptr<Database> CatalogTest::open(std::string_view name, std::uint64_t undo_seconds) {
  auto database = Database::open(options(name, undo_seconds));
  if (!database) {
    ADD_FAILURE() << database.error().message;
    return nullptr;
  }
  return std::move(*database);
}

std::unique_ptr<Database> CatalogTest::reopened(std::unique_ptr<Database> database,
                                                std::string_view name) {
  const auto closed = database->close();
  EXPECT_TRUE(closed) << closed.error().message;
  database.reset();
  return open(name);
}

ExportedGeneration CatalogTest::exported(Database& database) {
  auto exported = database.export_live(path(fmt::format("export-{}", ++exports_)));
  if (!exported) {
    ADD_FAILURE() << exported.error().message;
    return {};
  }
  return std::move(*exported);
}

SwapReport CatalogTest::restored_into(Database& database, const ExportedGeneration& from,
                                      std::string_view operation) {
  // The import moves the links away; an export can be restored more than once.
  const std::string staging = path(fmt::format("staging-{}", ++exports_));
  std::filesystem::create_directory(staging);
  for (const FileFacts& facts : from.files) {
    std::filesystem::create_hard_link(from.directory + "/" + facts.name,
                                      staging + "/" + facts.name);
  }
  auto staged = database.ingest(staging, from.comparator, from.files);
  if (!staged) {
    ADD_FAILURE() << staged.error().message;
    return {};
  }
  const auto verified = database.verify(**staged, expectation_of(from), {});
  EXPECT_TRUE(verified) << verified.error().message;
  auto report = database.swap(std::move(*staged), restored_from("backup", operation), nullptr);
  if (!report) {
    ADD_FAILURE() << report.error().message;
    return {};
  }
  return *report;
}

std::vector<std::string> CatalogTest::column_families(std::string_view name) const {
  std::vector<std::string> names;
  const auto status = rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), path(name), &names);
  EXPECT_TRUE(status.ok()) << status.ToString();
  std::ranges::sort(names);
  return names;
}

void CatalogTest::remove(std::string_view name) const {
  const auto removed = io::system_files().remove_tree(path(name));
  EXPECT_TRUE(removed) << removed.error().message;
}

std::vector<std::string> CatalogTest::sst_files(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path(name))) {
    const std::string file = entry.path().filename();
    if (file.ends_with(".sst") || file.ends_with(".trash")) names.push_back(file);
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace restored::catalog::test
