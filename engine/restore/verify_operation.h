// Reads and hashes every frame of a backup without writing anything. Claims no database.
// Threading: made by the thread that accepts it, then used by the operation's thread only.
#pragma once

#include <memory>

#include "backup/repository.h"
#include "restore/engine_parts.h"
#include "restored/error.h"

namespace restored::restore {

class VerifyOperation {
 public:
  VerifyOperation(EngineParts& parts, std::shared_ptr<Operation> operation, BackupUse use,
                  backup::LoadedBackup backup);
  Result<void> run();
  void release() { use_.release(); }

 private:
  EngineParts& parts_;
  const std::shared_ptr<Operation> operation_;
  BackupUse use_;
  const backup::LoadedBackup backup_;
};

}  // namespace restored::restore
