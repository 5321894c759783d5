// What one engine is made of, in the order in which it comes to life (and dies in reverse): every
// operation works on these.
// Threading: the parts are fixed once the engine is open; each says itself who may call it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>

#include "backup/collection_times.h"
#include "backup/repository.h"
#include "base/bandwidth.h"
#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "catalog/database.h"
#include "io/file_system.h"
#include "io/io_queue.h"
#include "pipeline/fetch.h"
#include "registry/registry.h"
#include "restore/backup_uses.h"
#include "restore/open_databases.h"
#include "restore/operation.h"
#include "restore/operation_runner.h"
#include "restore/operation_table.h"
#include "restore/paths.h"
#include "restore/repository_access.h"
#include "restore/space_ledger.h"
#include "restore/steps.h"
#include "restored/engine.h"
#include "restored/object_store.h"

namespace restored::restore {

// What tests may put in the place of the real thing; absent: the real thing.
struct EngineSeams {
  io::FileSystem* files = nullptr;
  // RocksDB's door to the same files, with our own for what the catalog does (catalog/disk.h).
  std::shared_ptr<const catalog::Disk> disk;
  const Clock* clock = nullptr;
  std::function<void(std::string_view)> step;
  std::function<std::unique_ptr<ObjectStore>(std::unique_ptr<ObjectStore>)> wrap_store;
  using Records = std::unique_ptr<registry::Registry>;
  std::function<Records(Records)> wrap_registry;
  OperationRunner::MakeThread make_thread;
  backup::CollectionTimes collection_times;
};

struct EngineParts {
  EngineParts(EngineOptions chosen, const EngineSeams& seams);

  const EngineOptions options;
  const Paths paths;
  io::FileSystem& files;
  const Clock& clock;
  const StepHook step;
  Bandwidth bandwidth;  // of the whole agent, beside each operation's own
  const backup::CollectionTimes collection_times;

  std::unique_ptr<io::FileLock> state_lock;
  std::unique_ptr<MemoryBudget> budget;
  std::unique_ptr<io::IoQueue> queue;
  std::unique_ptr<ObjectStore> store;
  std::unique_ptr<const backup::KeyRing> keys;
  std::unique_ptr<RepositoryAccess> repository;
  std::unique_ptr<registry::Registry> registry;
  std::unique_ptr<catalog::SharedResources> shared;
  OpenDatabases databases;
  BackupUses uses;
  SpaceLedger space;
  std::unique_ptr<OperationTable> operations;
  Mutex changing_records;     // orders read-change-write of database records
  std::stop_source stopping;  // calls that wait for the repository give up
  mutable std::atomic<bool> reading_content = false;  // all of a live generation, for its digest
  OperationRunner runner;                             // last: its threads use all of the above

  std::uint32_t today() const;  // since the Unix epoch, in UTC
  unsigned decode_threads() const;
  // Calls of the repository for who waits for an answer, and for what must not take long. They
  // end when the engine stops.
  StoreCall request_call() const;
  StoreCall brief_call() const;
  pipeline::FetchEnvironment fetch_environment(Operation& operation, pipeline::Progress& progress);
  catalog::OpenOptions database_options(const DatabaseId& id) const;
  // Reads, changes and writes a database's record, in one step towards other changes of it.
  // Errors: database_not_found, the registry's.
  Result<void> change_record(const DatabaseId& id,
                             const std::function<void(registry::DatabaseRecord&)>& change)
      EXCLUDES_LOCK(changing_records);
  // The one default database of its project from then on. Errors: as above.
  Result<void> choose_default(const DatabaseId& id) EXCLUDES_LOCK(changing_records);
};

std::string agent_version();

}  // namespace restored::restore
