#include "catalog/ingest.h"

#include <fmt/format.h>
#include <rocksdb/sst_file_reader.h>

#include "base/check.h"
#include "base/kill_point.h"
#include "base/log.h"
#include "catalog/generation_files.h"
#include "catalog/import_entry.h"
#include "catalog/rocksdb_version.h"
#include "catalog/status.h"

namespace restored::catalog {
namespace {

std::unexpected<Error> wrong(const FileFacts& facts, std::string_view what) {
  return fail(ErrorCode::corruption, fmt::format("{} {}", facts.name, what));
}

// RocksDB's import asserts where a file is not as it should be, and an assertion ends the process:
// whatever could trip one is refused here. This also finds a mixed-up file before it costs a
// column family.
Result<void> inspect(const Instance& instance, const std::string& directory,
                     const FileFacts& facts) {
  if (facts.name.empty() || facts.name.find('/') != std::string::npos || facts.name.front() == '.')
    return wrong(facts, "is no file name");
  if (facts.level < 0 || facts.level >= generation_levels)
    return wrong(facts, fmt::format("stands at level {}", facts.level));
  if (facts.smallest_sequence > facts.largest_sequence)
    return wrong(facts, "has its sequence numbers in the wrong order");

  const std::string path = directory + "/" + facts.name;
  rocksdb::SstFileReader reader(instance.inspection_options());
  RESTORED_TRY(checked(reader.Open(path), "opening " + path));
  const auto properties = reader.GetTableProperties();
  FileFacts found = facts;
  read_properties(*properties, found);
  if (found.entries == 0) return wrong(facts, "holds no entries");
  if (properties->num_range_deletions > 0) return wrong(facts, "holds range tombstones");
  if (properties->comparator_name != comparator_name)
    return wrong(facts, "is ordered by " + properties->comparator_name);
  if (found.entries != facts.entries || found.deletions != facts.deletions)
    return wrong(facts, "does not hold the number of entries that it should");
  if (found.db_id != facts.db_id || found.db_session_id != facts.db_session_id ||
      found.original_file_number != facts.original_file_number)
    return wrong(facts, "is another file than the one named");

  // Two blocks, so without the read-ahead of a scan: it read 6 MiB a file, one file after another,
  // and was most of the ingest's time.
  rocksdb::ReadOptions options = cursor_options();
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> record(reader.NewIterator(options));
  record->SeekToFirst();
  RESTORED_TRY(checked(record->status(), "reading the first block of " + path));
  record->SeekToLast();
  return checked(record->status(), "reading the last block of " + path);
}

// Links of a failed import that could not go while the MANIFEST was in doubt (durable_files.h):
// RocksDB looks for files that nothing names when their deletion is resumed.
void collect_unnamed_files(rocksdb::DB& db) {
  rocksdb::Status status = db.DisableFileDeletions();
  if (status.ok()) status = resume_file_deletions(db);
  if (!status.ok()) log::warning("catalog", "removing left over links: {}", status.ToString());
}

}  // namespace

Result<std::shared_ptr<StoredGeneration>> import_generation(Instance& instance,
                                                            GenerationNumber number,
                                                            const std::string& directory,
                                                            const std::string& comparator,
                                                            std::span<const FileFacts> files) {
  const std::string name = column_family_name(number);
  if (comparator != comparator_name) {
    return fail(ErrorCode::corruption,
                fmt::format("the files are ordered by {}, not by {}", comparator, comparator_name));
  }
  if (files.empty()) return instance.create_generation(number);  // an import needs a file

  rocksdb::ExportImportFilesMetaData metadata;
  metadata.db_comparator_name = comparator;
  for (const FileFacts& facts : files) {
    RESTORED_TRY(inspect(instance, directory, facts));
    metadata.files.push_back(import_entry(directory, facts));
  }
  rocksdb::ImportColumnFamilyOptions options;
  options.move_files = true;                      // by hard link
  rocksdb::ColumnFamilyHandle* handle = nullptr;  // RocksDB asserts that it is
  kill_point("catalog.ingest.before-import");
  rocksdb::Status status;
  {
    const Turns::Turn turn = instance.take_structure_turn();
    status = instance.db().CreateColumnFamilyWithImport(instance.generation_options(), name,
                                                        options, metadata, &handle);
  }
  if (!status.ok()) {
    instance.abandon(handle);
    collect_unnamed_files(instance.db());
    return std::unexpected(error_from(status, "importing " + name));
  }
  std::shared_ptr<StoredGeneration> generation = instance.adopt(handle, number);
  // Durable: the files by who wrote them, their links by durable_files, the MANIFEST by RocksDB.
  kill_point("catalog.ingest.after-import");
  return generation;
}

}  // namespace restored::catalog
