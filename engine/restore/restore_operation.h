// One restore: validate -> reserve -> fetch -> ingest -> verify (-> staged) -> swap -> retire.
// Everything before the swap is invisible and is undone on failure; the swap is one synced write;
// everything after it is clean-up. Threading: made by the thread that accepts it, then used by the
// operation's thread only.
#pragma once

#include <memory>
#include <optional>

#include "backup/repository.h"
#include "restore/engine_parts.h"
#include "restore/preflight.h"
#include "restore/staging.h"
#include "restored/error.h"

namespace restored::restore {

// What an accepted restore holds until its end.
struct RestoreHoldings {
  Claim claim;
  BackupUse use;
  // Both absent when it continues one that a crash cut off: it then asks again itself.
  std::optional<backup::LoadedBackup> backup;
  std::optional<ReservedSpace> space;
};

class RestoreOperation {
 public:
  RestoreOperation(EngineParts& parts, std::shared_ptr<Operation> operation,
                   RestoreHoldings holdings);

  // Leaves either the new content live, or everything as it was and nothing behind; an engine that
  // is stopping leaves the staged files for the next start.
  Result<void> run();
  // What run() leaves of one that fails: for one that never ran.
  void abandon(const Error& cause);
  // Gives up what it holds. Called once the end is on record.
  void release();

 private:
  Result<void> guarded_phases();
  Result<void> phases();
  Result<void> validate();
  Result<backup::LoadedBackup> load_again();
  Result<void> reserve();
  Result<void> fetch();
  Result<void> fetch_files();
  Result<bool> were_replaced(const Error& error);
  void begin_staging();
  Result<void> ingest();
  Result<void> verify();
  Result<void> hold();
  Result<void> swap();
  void retire();

  Result<void> remove_staged_files();
  void record_database(DatabaseStatus status, const std::optional<Error>& failure);

  EngineParts& parts_;
  const std::shared_ptr<Operation> operation_;
  const OperationView accepted_;  // ids
  const std::stop_token stop_;
  RestoreHoldings holdings_;
  std::optional<Staging> staging_;
  std::unique_ptr<catalog::StagedGeneration> staged_;
  bool swapped_ = false;
};

}  // namespace restored::restore
