// One open RocksDB instance and what every part of the catalog needs of it: its generations as
// objects, the catalog record's bytes, its upkeep. Knows nothing of live and previous.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "catalog/background_errors.h"
#include "catalog/generation.h"
#include "catalog/log_anchor.h"
#include "catalog/options.h"
#include "catalog/turns.h"
#include "catalog/upkeep.h"
#include "restored/error.h"
#include "restored/ids.h"

namespace restored::catalog {

using StoredGenerations = std::map<GenerationNumber, std::shared_ptr<StoredGeneration>>;

struct OpenedInstance;

// Threading: all methods from any thread at once; close() once, after all others.
class Instance {
 public:
  // Makes an instance without generations in a directory without one. Errors: file_exists.
  static Result<std::unique_ptr<Instance>> create(const std::string& directory,
                                                  const Shared& shared, const Clock& clock);
  // Opens every column family; all are kept until somebody says otherwise. RocksDB removes files
  // that its MANIFEST does not name: links of a killed import. Errors: corruption (a column family
  // that is none of ours), file_not_found, storage_engine.
  static Result<OpenedInstance> open(const std::string& directory, const Shared& shared,
                                     const Clock& clock);
  ~Instance();  // closes, if that was not done

  // Releases everything. REQUIRES: no generation is held elsewhere for long (Upkeep::stop).
  Result<void> close();

  rocksdb::DB& db() const { return *db_; }
  Upkeep& upkeep() const { return *upkeep_; }
  const std::string& directory() const { return directory_; }
  io::FileSystem& files() const { return shared_.plain_files(); }
  rocksdb::ColumnFamilyOptions generation_options() const {
    return catalog::generation_options(shared_, clock_);
  }
  rocksdb::Options inspection_options() const { return catalog::inspection_options(shared_.env()); }

  // Atomic. Errors: no_space, io_error, storage_engine; nothing is visible then.
  Result<void> write(rocksdb::WriteBatch& batch, Durability durability);

  // Makes all writes that have returned durable; others go on meanwhile. Not RocksDB's SyncWAL
  // (durable_files.h).
  rocksdb::Status sync_log() const;

  // Nothing: no record was ever written.
  Result<std::optional<std::string>> read_catalog() const;
  // One synced write. On an error it is unknown what a later opening will find.
  Result<void> write_catalog(const std::string& bytes);
  // The same, such that after earlier writes of unknown outcome this one is what counts. One
  // caller at a time.
  Result<void> rewrite_catalog(const std::string& bytes);

  // One column family comes at a time, and none during a recovery from an error.
  Turns::Turn take_structure_turn() const { return structure_.take(); }

  // Both take over a new column family, to be dropped unless keep() is called.
  Result<std::shared_ptr<StoredGeneration>> create_generation(GenerationNumber number);
  std::shared_ptr<StoredGeneration> adopt(rocksdb::ColumnFamilyHandle* handle,
                                          GenerationNumber number);
  // After a create or import that failed: no column family may be left.
  void abandon(rocksdb::ColumnFamilyHandle* handle);

  // On the upkeep thread, soon: it rewrites RocksDB's OPTIONS file, and writers wait meanwhile.
  void set_auto_compaction(const std::shared_ptr<StoredGeneration>& generation, bool on);

 private:
  Instance(std::string directory, const Shared& shared, const Clock& clock);
  Result<void> start(rocksdb::DBOptions options,
                     const std::vector<rocksdb::ColumnFamilyDescriptor>& column_families,
                     std::vector<rocksdb::ColumnFamilyHandle*>& handles);

  const std::string directory_;
  const Shared& shared_;
  const Clock& clock_;
  const std::shared_ptr<BackgroundErrors> errors_ = std::make_shared<BackgroundErrors>();
  const std::shared_ptr<LogAnchor> anchor_ = std::make_shared<LogAnchor>();
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* catalog_ = nullptr;
  mutable Turns structure_;
  int rewrites_ = 0;  // since the last one that succeeded
  std::unique_ptr<Upkeep> upkeep_;
};

// In this order: generations end before their instance.
struct OpenedInstance {
  std::unique_ptr<Instance> instance;
  StoredGenerations generations;
};

}  // namespace restored::catalog
