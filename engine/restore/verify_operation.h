// Looks at every object of a backup without writing anything but what it found: reads and hashes
// every frame, or (fast) only asks for its size. Walks the manifest, lists nothing of the backup.
// Claims no database.
// Threading: made by the thread that accepts it, then used by the operation's thread only.
#pragma once

#include <memory>
#include <vector>

#include "backup/repository.h"
#include "restore/engine_parts.h"
#include "restored/error.h"

namespace restored::restore {

class VerifyOperation {
 public:
  VerifyOperation(EngineParts& parts, std::shared_ptr<Operation> operation, VerifyDepth depth,
                  BackupUse use, backup::LoadedBackup backup);
  Result<void> run();
  void release() { use_.release(); }

 private:
  using Files = std::vector<pipeline::FetchFile>;
  struct Damaged {
    std::size_t file = 0;
    Error error;
  };
  Files files() const;
  Result<void> look_at_all(const Files& files);
  Result<void> ask_for_sizes(const Files& files);
  Result<void> check_size(const pipeline::FetchFile& file, const StoreCall& call);
  struct Reread {
    std::vector<Damaged> damaged;
    bool replaced = false;  // some were, and are whole
  };
  Result<Reread> read_each_again(const Files& files);
  Result<void> report(const std::vector<Damaged>& damaged);
  void forget_damage();

  EngineParts& parts_;
  const std::shared_ptr<Operation> operation_;
  const VerifyDepth depth_;
  BackupUse use_;
  const backup::LoadedBackup backup_;
};

}  // namespace restored::restore
