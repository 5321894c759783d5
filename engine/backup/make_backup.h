// One backup of one database: export -> find what is stored already -> upload the rest -> secure
// all of it -> publish the manifest, last. Knows catalog, pipeline and repository; the operation
// around it (claim, records, cancel) is the caller's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/collection_times.h"
#include "backup/repository.h"
#include "base/memory_budget.h"
#include "catalog/database.h"
#include "io/file_system.h"
#include "pipeline/progress.h"
#include "restored/error.h"
#include "restored/operation.h"

namespace restored::backup {

struct BackupRequest {
  BackupId id;
  DatabaseId database;
  std::string database_name;
  std::string name;  // given by the user, may be empty
  bool scheduled = false;
  UnixMillis created_at = 0;
  std::string agent_version;
  std::string export_directory;  // made by the export; on the database's file system
};

struct BackupEnvironment {
  Repository& repository;
  catalog::Database& database;  // REQUIRES: its claim is held
  io::FileSystem& files;
  MemoryBudget& budget;
  pipeline::Progress& progress;
  unsigned threads = 2;
  int zstd_level = 1;
  CollectionTimes times = {};
};

// What the caller learns on the way; each answer can stop the backup.
struct BackupWatcher {
  std::function<Result<void>(Phase)> enter;
  std::function<Result<void>()> point_of_no_return;  // the manifest is about to be written
  std::function<void(std::string_view)> waits_on;    // for people; empty: no longer
  std::function<void(std::string_view)> step;        // kill points
};

// The backup exists when it returns without error. On error it does not, but for a crash or a
// store failure exactly while the manifest was being written: ask the repository then. The export
// directory is left to the caller in every case. Errors: not_restorable, cancelled, store errors,
// no_space, io_error, corruption.
Result<format::Manifest> make_backup(const BackupRequest& request,
                                     const BackupEnvironment& environment,
                                     const BackupWatcher& watcher, const StoreCall& call);

// Removes what a backup that a crash cut off has left beside the objects (which the next backup
// shares, or a later collection removes). Does nothing when its manifest exists.
// Errors: store errors, cancelled.
Result<void> discard_unpublished(Repository& repository, const DatabaseId& database,
                                 const BackupId& backup, const StoreCall& call);

}  // namespace restored::backup
