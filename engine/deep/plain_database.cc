#include "deep/plain_database.h"

#include <fmt/core.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>

#include <memory>
#include <string_view>
#include <vector>

#include "backup/file_facts.h"
#include "base/log.h"
#include "catalog/import_entry.h"
#include "catalog/rocksdb_version.h"
#include "catalog/status.h"
#include "format/content_digest.h"
#include "restored/units.h"

namespace restored::deep {
namespace {

constexpr std::uint64_t rows_between_stops = 1024;
constexpr const char* content_name = "content";

// RocksDB's defaults, but for what would change the files or keep all of them open.
rocksdb::Options plain_options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.disable_auto_compactions = true;
  options.max_open_files = 256;
  options.num_levels = 7;
  return options;
}

// Every block of a file, those that no row is read from (filter, properties) included.
Result<void> check_file(const std::string& path, const format::ManifestFile& file) {
  rocksdb::SstFileReader reader(plain_options());
  RESTORED_TRY(catalog::checked(reader.Open(path), "opening " + file.name));
  RESTORED_TRY(catalog::checked(reader.VerifyChecksum(), "reading the blocks of " + file.name));
  const auto properties = reader.GetTableProperties();
  // RocksDB's import loses range tombstones before 8.1, and asserts that there is an entry.
  if (properties->num_range_deletions > 0)
    return fail(ErrorCode::corruption, file.name + " holds range tombstones");
  if (properties->num_entries != file.entries || properties->num_entries == 0)
    return fail(ErrorCode::corruption,
                fmt::format("{} holds {} entries, the manifest says {}", file.name,
                            properties->num_entries, file.entries));
  return {};
}

// RocksDB asserts that no handle is left when a database closes.
struct OpenDatabase {
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;

  OpenDatabase() = default;
  OpenDatabase(const OpenDatabase&) = delete;
  OpenDatabase& operator=(const OpenDatabase&) = delete;
  ~OpenDatabase() {
    for (rocksdb::ColumnFamilyHandle* handle : handles) {
      const rocksdb::Status status = db->DestroyColumnFamilyHandle(handle);
      if (!status.ok()) log::warning("deep", "closing a scratch database: {}", status.ToString());
    }
  }
};

Result<void> open(OpenDatabase& database, const std::string& directory) {
  const rocksdb::Options options = plain_options();
  const std::vector<rocksdb::ColumnFamilyDescriptor> families{
      {rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions(options)}};
  return catalog::checked(catalog::open_column_families(rocksdb::DBOptions(options), directory,
                                                        families, &database.handles, &database.db),
                          "making a scratch database");
}

Result<void> import(OpenDatabase& database, const std::string& files,
                    const format::Manifest& manifest) {
  rocksdb::ExportImportFilesMetaData metadata;
  metadata.db_comparator_name = manifest.comparator;
  for (const format::ManifestFile& file : manifest.files)
    metadata.files.push_back(catalog::import_entry(files, backup::file_facts(file)));
  rocksdb::ImportColumnFamilyOptions options;
  options.move_files = true;  // by link
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  const rocksdb::Status status = database.db->CreateColumnFamilyWithImport(
      rocksdb::ColumnFamilyOptions(plain_options()), content_name, options, metadata, &handle);
  if (handle != nullptr) database.handles.push_back(handle);
  return catalog::checked(status, "letting RocksDB take the backup's files");
}

}  // namespace

Result<ContentFacts> read_rows(const std::string& directory, const format::Manifest& manifest,
                               UnixMillis as_of, const std::stop_token& stop) {
  format::ContentReader reader(as_of);
  if (manifest.files.empty()) return reader.facts();  // an import needs a file
  const std::string files = directory + "/files";
  for (const format::ManifestFile& file : manifest.files) {
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "reading the backup was stopped");
    RESTORED_TRY(check_file(files + "/" + file.name, file));
  }
  OpenDatabase database;
  RESTORED_TRY(open(database, directory + "/database"));
  RESTORED_TRY(import(database, files, manifest));

  rocksdb::ReadOptions options;
  options.verify_checksums = true;
  options.total_order_seek = true;
  options.fill_cache = false;
  options.readahead_size = 2 * kMiB;
  const std::unique_ptr<rocksdb::Iterator> row(
      database.db->NewIterator(options, database.handles.back()));
  std::uint64_t rows = 0;
  for (row->SeekToFirst(); row->Valid(); row->Next()) {
    if (++rows % rows_between_stops == 0 && stop.stop_requested())
      return fail(ErrorCode::cancelled, "reading the backup was stopped");
    RESTORED_TRY(reader.add(row->key().ToStringView(), row->value().ToStringView()));
  }
  RESTORED_TRY(catalog::checked(row->status(), "reading row " + std::to_string(rows)));
  return reader.facts();
}

}  // namespace restored::deep
