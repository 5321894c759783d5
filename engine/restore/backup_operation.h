// The operation around backup::make_backup: claim, records, cancel, clean-up. A backup that a
// stop or a crash cut off is failed, not continued: its content would be of another moment. What
// it has uploaded stays in the repository, so the next one does not upload it again.
// Threading: made by the thread that accepts it, then used by the operation's thread only.
#pragma once

#include <memory>

#include "restore/engine_parts.h"
#include "restored/error.h"

namespace restored::restore {

class BackupOperation {
 public:
  BackupOperation(EngineParts& parts, std::shared_ptr<Operation> operation, Claim claim);
  Result<void> run();
  void release();

 private:
  Result<void> make();

  EngineParts& parts_;
  const std::shared_ptr<Operation> operation_;
  const OperationView accepted_;  // ids
  Claim claim_;
  BackupUse use_;
};

}  // namespace restored::restore
