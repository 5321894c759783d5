// What RocksDB's import is told of a file.
#pragma once

#include <rocksdb/metadata.h>

#include <string>

#include "catalog/rocksdb_version.h"

namespace restored::catalog {

// `directory` is where the file stands now.
inline rocksdb::LiveFileMetaData import_entry(const std::string& directory,
                                              const FileFacts& facts) {
  rocksdb::LiveFileMetaData entry;
  entry.name = "/" + facts.name;
  entry.relative_filename = facts.name;
  entry.db_path = directory;
  entry.directory = directory;
  entry.size = facts.size_bytes;
  entry.level = facts.level;
  entry.smallest_seqno = facts.smallest_sequence;
  entry.largest_seqno = facts.largest_sequence;
  entry.smallestkey = facts.smallest_key;
  entry.largestkey = facts.largest_key;
  entry.num_entries = facts.entries;
  entry.num_deletions = facts.deletions;
  entry.oldest_ancester_time = facts.oldest_ancestor_time;
  entry.file_creation_time = facts.file_creation_time;
  write_newer_facts(facts, entry);
  return entry;
}

}  // namespace restored::catalog
