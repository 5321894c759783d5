// One RocksDB instance that holds one database: its catalog (which generation is live, which is
// the previous one, and why) in the default column family, and its generations, one column family
// each. The swap is one synced write to the catalog, and it comes last. See SWAP.md beside this
// file. RocksDB's headers stay in this folder.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "restored/error.h"
#include "restored/ids.h"
#include "restored/keyspace.h"
#include "restored/units.h"

namespace restored {
class Clock;
}

namespace restored::catalog {

struct Disk;  // disk.h

// Block cache, write-buffer budget, rate limiter and background threads, shared by all databases
// of the process. Outlives them.
class SharedResources {
 public:
  static std::unique_ptr<SharedResources> make(std::uint64_t block_cache_bytes,
                                               std::shared_ptr<const Disk> disk = nullptr);
  virtual ~SharedResources() = default;
};

// RocksDB's own description of one SST file, in our words; raw keys.
struct FileFacts {
  std::string name;  // "000012.sst"
  std::uint64_t size_bytes = 0;
  std::string db_id;  // identity, from the file's table properties
  std::string db_session_id;
  std::uint64_t original_file_number = 0;
  int level = 0;
  std::uint64_t smallest_sequence = 0;
  std::uint64_t largest_sequence = 0;
  std::string smallest_key;
  std::string largest_key;
  std::optional<std::string> smallest_internal_key;
  std::optional<std::string> largest_internal_key;
  std::optional<std::uint64_t> epoch_number;
  std::uint64_t entries = 0;
  std::uint64_t deletions = 0;
  std::uint64_t oldest_ancestor_time = 0;
  std::uint64_t file_creation_time = 0;
};

// Where a generation came from, for people and for incremental backups.
struct Provenance {
  std::string kind;  // "empty", "backup", "database" (a clone), "flush"
  DatabaseId source_database;
  BackupId backup;        // restored from, or last backed up to
  OperationId operation;  // that made it live
};

struct CatalogState {
  GenerationNumber live = 0;
  Provenance live_provenance;
  std::optional<GenerationNumber> previous;
  Provenance previous_provenance;
  std::optional<UnixMillis> previous_until;  // undo time ends
  std::uint64_t previous_seconds = 0;        // how long that was at the swap; 0: not known
  OperationId last_swap;                     // newest swap of an operation; a flush leaves it
  std::vector<BackupId> base_backups;        // newest first, at most 4: whose files may be reused
};

struct ExportedGeneration {
  GenerationNumber generation = 0;
  std::string directory;  // hard links to the SSTs, named as in files
  std::string comparator;
  std::uint64_t largest_sequence = 0;
  std::vector<FileFacts> files;
};

struct LocalFile {
  FileFacts facts;  // identity and size; level and bounds as in the live instance
  std::string path;
  GenerationNumber generation = 0;
};

// A complete generation that no client sees. Move-only; dropping it without a swap drops the
// column family.
class StagedGeneration {
 public:
  virtual ~StagedGeneration() = default;
  virtual GenerationNumber number() const = 0;
};

struct Expectation {
  std::string comparator;
  std::uint64_t entries = 0;  // sum over files, tombstones included
  std::uint64_t deletions = 0;
  std::vector<FileFacts> files;  // name is ignored: levels, bounds, counts are compared
  bool full = false;             // read every block instead of first, last and sampled keys
};

struct SwapReport {
  GenerationNumber live = 0;
  double gate_closed_seconds = 0;
};

struct OpenOptions {
  std::string directory;
  SharedResources* shared = nullptr;
  std::uint64_t undo_seconds = 0;
  const Clock* clock = nullptr;  // null: the system's; outlives the database
};

// Threading: Keyspace's methods from any thread at once, and so the const ones and export_live
// (into different directories). ingest, verify, swap, undo, retire: one operation at a time (the
// caller holds the claim).
// A swap publishes under the write gate; readers never wait.
class Database : public Keyspace {
 public:
  // Makes the directory's RocksDB with one empty live generation. Errors: file_exists.
  static Result<std::unique_ptr<Database>> create(const OpenOptions& options);
  // Lists and opens all column families, drops strays (those that the catalog names neither live
  // nor previous), removes leftover files of imports. Errors: corruption, storage_engine.
  static Result<std::unique_ptr<Database>> open(const OpenOptions& options);

  // Flushes, waits for background closers, releases every handle. REQUIRES: no pin, permit or
  // cursor is held.
  virtual Result<void> close() = 0;

  virtual CatalogState state() const = 0;
  virtual std::uint64_t live_bytes() const = 0;  // SST files of the live generation

  // Flushes and hard-links the live generation's files into `directory` (made by it; must not
  // exist; same file system): the content of one moment of the call, whatever swaps meanwhile. The
  // caller removes the directory when done, and syncs it if it relies on it.
  // Errors: not_restorable (range tombstones, blob files, foreign comparator; named), no_space.
  virtual Result<ExportedGeneration> export_live(const std::string& directory) = 0;
  virtual Result<void> note_backup(const BackupId& backup) = 0;  // into base_backups, synced

  // Files of the live and the previous generation, flushed ones only. They may vanish by
  // compaction: who wants one hard-links it first and treats failure as "not there".
  virtual Result<std::vector<LocalFile>> local_files() const = 0;

  // Imports the files (named as in facts, inside `directory`, already fsynced with it) by link
  // into a new column family, auto-compaction off, durably. An empty list makes an empty one. The
  // files in `directory` are gone or still there afterwards: the caller removes the directory.
  // Errors: corruption, no_space, storage_engine; no column family is left then.
  virtual Result<std::unique_ptr<StagedGeneration>> ingest(const std::string& directory,
                                                           const std::string& comparator,
                                                           std::span<const FileFacts> files) = 0;

  // Compares the staged generation with the manifest and reads from it. Errors: corruption
  // (naming what differs), cancelled.
  virtual Result<void> verify(const StagedGeneration& staged, const Expectation& expected,
                              std::stop_token stop) = 0;

  // Closes the gate, drains writers, runs `point_of_no_return` (the last chance to refuse: an
  // error opens the gate again and is returned), writes the catalog with sync, publishes, opens
  // the gate. The generation that was live becomes the previous one until undo_seconds end; the
  // one before it is retired. When the synced write fails the old generation stays live.
  virtual Result<SwapReport> swap(std::unique_ptr<StagedGeneration> staged,
                                  const Provenance& provenance,
                                  const std::function<Result<void>()>& point_of_no_return) = 0;

  // A swap back: previous becomes live and live previous. Errors: nothing_to_undo, also when the
  // previous generation is not `back` (if that is given) any more: a flush needs no claim.
  virtual Result<SwapReport> undo(const OperationId& operation,
                                  std::optional<GenerationNumber> back) = 0;

  // Whether there is a previous generation whose time is over (undo_time.h).
  virtual bool undo_is_over() const = 0;
  // Drops the previous generation when its time is over, or now. The column family's last handle
  // closes on a background thread once its pins end.
  virtual Result<void> retire_expired() = 0;
  virtual Result<void> retire_previous() = 0;
};

std::string rocksdb_version();

}  // namespace restored::catalog
