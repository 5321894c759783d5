// Who uses which backup: what reads it, or makes it, keeps it from being removed.
// This guards one process. Another host may remove the backup all the same: who reads it then finds
// an object missing, and nothing wrong.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/mutex.h"
#include "restored/error.h"
#include "restored/ids.h"

namespace restored::restore {

class BackupUses;

// Move-only; its destructor ends the use.
class BackupUse {
 public:
  BackupUse() = default;
  BackupUse(BackupUse&& other) noexcept
      : uses_(std::exchange(other.uses_, nullptr)),
        kind_(other.kind_),
        backup_(std::move(other.backup_)) {}
  BackupUse& operator=(BackupUse&& other) noexcept;
  ~BackupUse() { release(); }
  void release() noexcept;

 private:
  friend class BackupUses;
  enum class Kind { reads, removes };
  BackupUse(BackupUses* uses, Kind kind, BackupId backup)
      : uses_(uses), kind_(kind), backup_(std::move(backup)) {}

  BackupUses* uses_ = nullptr;
  Kind kind_ = Kind::reads;
  BackupId backup_;
};

class BackupUses {
 public:
  // Errors: backup_not_found, while it is being removed.
  Result<BackupUse> read(const BackupId& backup);
  // Errors: database_busy.
  Result<BackupUse> remove(const BackupId& backup);

 private:
  friend class BackupUse;
  void end(BackupUse::Kind kind, const BackupId& backup) noexcept;

  Mutex mutex_;
  std::unordered_map<BackupId, unsigned> readers_ GUARDED_BY(mutex_);
  std::unordered_set<BackupId> removed_ GUARDED_BY(mutex_);
};

}  // namespace restored::restore
