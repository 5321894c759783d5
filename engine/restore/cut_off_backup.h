// What became of a backup that a stop or a crash cut off: it is complete if its manifest is in the
// repository and can be read, whoever was told what. Where the repository cannot say so at the
// start, the operation goes on until it does.
//
// Threading: made by the thread that recovers, then used by the operation's thread only.
#pragma once

#include <memory>
#include <optional>

#include "restore/engine_parts.h"
#include "restored/error.h"

namespace restored::restore {

// Nothing: it was complete. Else the error that it ends with; what it left in the repository is
// removed. Errors: the repository cannot say.
Result<std::optional<Error>> end_of_cut_off_backup(EngineParts& parts, const OperationView& view,
                                                   const StoreCall& call);

class CutOffBackup {
 public:
  // Its use keeps the backup from being removed meanwhile: without it nothing would tell.
  CutOffBackup(EngineParts& parts, std::shared_ptr<Operation> operation, BackupUse use)
      : parts_(parts), operation_(std::move(operation)), use_(std::move(use)) {}
  // Neither a deadline nor a cancel ends it: its client may have been told of success.
  Result<void> run();
  void release() { use_.release(); }

 private:
  EngineParts& parts_;
  const std::shared_ptr<Operation> operation_;
  BackupUse use_;
};

}  // namespace restored::restore
