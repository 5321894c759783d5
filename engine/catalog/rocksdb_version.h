// What differs between the RocksDB releases that we build with (7.8 to 10), in one place. All
// other files are written against what these releases have in common.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/metadata.h>
#include <rocksdb/version.h>

#include <memory>
#include <string>
#include <vector>

#include "catalog/database.h"

#define RESTORED_ROCKSDB_AT_LEAST(major, minor) \
  (ROCKSDB_MAJOR > (major) || (ROCKSDB_MAJOR == (major) && ROCKSDB_MINOR >= (minor)))

namespace restored::catalog {

// File deletions are paused by count: each pause needs one resumption. Before 9.0 an argument
// chose between that and "resume whatever the count".
inline rocksdb::Status resume_file_deletions(rocksdb::DB& db) {
#if RESTORED_ROCKSDB_AT_LEAST(9, 0)
  return db.EnableFileDeletions();
#else
  return db.EnableFileDeletions(/*force=*/false);
#endif
}

inline rocksdb::Status open_column_families(
    const rocksdb::DBOptions& options, const std::string& directory,
    const std::vector<rocksdb::ColumnFamilyDescriptor>& column_families,
    std::vector<rocksdb::ColumnFamilyHandle*>* handles, std::unique_ptr<rocksdb::DB>* db) {
#if RESTORED_ROCKSDB_AT_LEAST(10, 0)
  return rocksdb::DB::Open(options, directory, column_families, handles, db);
#else
  rocksdb::DB* opened = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(options, directory, column_families, handles, &opened);
  db->reset(opened);
  return status;
#endif
}

// The log refuses what comes after a write to it has failed. That is no error of its own: the first
// one says what is wrong. RocksDB tells the two apart by text alone.
inline bool echoes_earlier_error(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return text.find("Seen error") != std::string::npos ||
         text.find("previous error") != std::string::npos;
}

// Fields of a file's metadata that not all releases have: how files of level 0 are ordered (since
// 8.0; before, by largest sequence number) and internal bounds (since 8.1; they matter to range
// tombstones only, which we refuse, and are derived from the file when absent).
inline void read_newer_facts([[maybe_unused]] const rocksdb::LiveFileMetaData& from,
                             [[maybe_unused]] FileFacts& into) {
#if RESTORED_ROCKSDB_AT_LEAST(8, 0)
  if (from.epoch_number != 0) into.epoch_number = from.epoch_number;
#endif
#if RESTORED_ROCKSDB_AT_LEAST(8, 1)
  if (!from.smallest.empty()) into.smallest_internal_key = from.smallest;
  if (!from.largest.empty()) into.largest_internal_key = from.largest;
#endif
}

inline void write_newer_facts([[maybe_unused]] const FileFacts& from,
                              [[maybe_unused]] rocksdb::LiveFileMetaData& into) {
#if RESTORED_ROCKSDB_AT_LEAST(8, 0)
  into.epoch_number = from.epoch_number.value_or(0);
#endif
#if RESTORED_ROCKSDB_AT_LEAST(8, 1)
  into.smallest = from.smallest_internal_key.value_or("");
  into.largest = from.largest_internal_key.value_or("");
#endif
}

}  // namespace restored::catalog
