// The SST files of a generation as facts: what RocksDB's version says of them (level, bounds,
// sequence numbers) and what their own table properties say (identity, counts).
#pragma once

#include <rocksdb/table_properties.h>

#include <memory>
#include <string>
#include <vector>

#include "catalog/database.h"
#include "catalog/instance.h"
#include "restored/error.h"

namespace restored::catalog {

struct GenerationFile {
  FileFacts facts;
  std::string path;
  std::shared_ptr<const rocksdb::TableProperties> properties;
  bool refers_to_blobs = false;
};

// All files that the generation's current version names, in RocksDB's order. They may be deleted
// by compaction at any time unless file deletions are paused.
// Errors: of reading properties (a file may have vanished).
Result<std::vector<GenerationFile>> generation_files(const Instance& instance,
                                                     const StoredGeneration& generation);

// The same for callers outside; files that vanish meanwhile are left out.
Result<std::vector<LocalFile>> files_of(const Instance& instance,
                                        const StoredGeneration& generation);

// Copies what the properties know into the facts.
void read_properties(const rocksdb::TableProperties& properties, FileFacts& facts);

}  // namespace restored::catalog
