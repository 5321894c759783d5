// A new database from the live content of another one of this host: validate -> reserve -> export
// -> ingest -> verify -> swap -> retire, a restore without a store. The files are links: nothing is
// copied, and the source is neither claimed nor held up.
//
// Its content is that of one moment of the export, whatever clients or a swap do to the source.
// After a crash it begins again, with the moment of then: nobody has seen its content before.
// Threading: made by the thread that accepts it, then used by the operation's thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "restore/engine_parts.h"
#include "restore/space_ledger.h"
#include "restored/error.h"

namespace restored::restore {

// The database that is served under this id. Errors: source_database_not_found,
// database_provisioning, not_restorable (it has failed: there is no content).
Result<OpenDatabases::Pointer> find_clone_source(const EngineParts& parts, const DatabaseId& id);

// What an accepted clone holds until its end.
struct CloneHoldings {
  Claim claim;
  // Both absent when it continues one that a crash cut off: it then asks again itself.
  OpenDatabases::Pointer source;  // shared: it can be deleted, and is whole until this lets go
  std::optional<SpaceReservation> space;
};

class CloneOperation {
 public:
  CloneOperation(EngineParts& parts, std::shared_ptr<Operation> operation, CloneHoldings holdings);

  // Leaves either the content live, or a database in failure and nothing else behind; an engine
  // that is stopping leaves it to the next start.
  Result<void> run();
  // What run() leaves of one that fails: for one that never ran.
  void abandon(const Error& cause);
  // Gives up what it holds. Called once the end is on record.
  void release();

 private:
  Result<void> phases();
  Result<void> validate();
  Result<void> reserve();
  Result<void> export_files();
  Result<void> ingest();
  Result<void> verify();
  Result<void> swap();
  void retire();
  void record_database(DatabaseStatus status, const std::optional<Error>& failure);
  void remove_links();

  EngineParts& parts_;
  const std::shared_ptr<Operation> operation_;
  const OperationView accepted_;  // ids
  const std::stop_token stop_;
  const std::string directory_;
  CloneHoldings holdings_;
  BackupId base_;  // a backup that may have the same files
  catalog::ExportedGeneration exported_;
  std::unique_ptr<catalog::StagedGeneration> staged_;
  bool swapped_ = false;
};

}  // namespace restored::restore
