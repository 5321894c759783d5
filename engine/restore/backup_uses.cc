#include "restore/backup_uses.h"

#include <fmt/format.h>

namespace restored::restore {

BackupUse& BackupUse::operator=(BackupUse&& other) noexcept {
  if (this != &other) {
    release();
    uses_ = std::exchange(other.uses_, nullptr);
    kind_ = other.kind_;
    backup_ = std::move(other.backup_);
  }
  return *this;
}

void BackupUse::release() noexcept {
  if (uses_ != nullptr) std::exchange(uses_, nullptr)->end(kind_, backup_);
}

Result<BackupUse> BackupUses::read(const BackupId& backup) {
  const MutexLock lock(mutex_);
  if (removed_.contains(backup)) {
    return fail(ErrorCode::backup_not_found,
                fmt::format("backup {} is being removed", backup.value));
  }
  ++readers_[backup];
  return BackupUse(this, BackupUse::Kind::reads, backup);
}

Result<BackupUse> BackupUses::remove(const BackupId& backup) {
  const MutexLock lock(mutex_);
  if (readers_.contains(backup) || removed_.contains(backup)) {
    return fail(
        ErrorCode::database_busy,
        fmt::format("backup {} cannot be removed while an operation uses it", backup.value));
  }
  removed_.insert(backup);
  return BackupUse(this, BackupUse::Kind::removes, backup);
}

void BackupUses::end(BackupUse::Kind kind, const BackupId& backup) noexcept {
  const MutexLock lock(mutex_);
  if (kind == BackupUse::Kind::removes) {
    removed_.erase(backup);
    return;
  }
  const auto found = readers_.find(backup);
  if (--found->second == 0) readers_.erase(found);
}

}  // namespace restored::restore
