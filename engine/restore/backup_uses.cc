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
  if (removers_.contains(backup)) {
    return fail(ErrorCode::backup_not_found,
                fmt::format("backup {} is being removed", backup.value));
  }
  ++readers_[backup];
  return BackupUse(this, BackupUse::Kind::reads, backup);
}

Result<BackupUse> BackupUses::make(const BackupId& backup, std::stop_token stop) {
  const MutexLock lock(mutex_);
  if (!ended_.wait(mutex_, stop, [&]() NO_THREAD_SAFETY_ANALYSIS { return removers_.empty(); })) {
    return fail(ErrorCode::cancelled, "stopped while a backup was being removed");
  }
  ++makers_;
  return BackupUse(this, BackupUse::Kind::makes, backup);
}

Result<BackupUse> BackupUses::remove(const BackupId& backup) {
  const MutexLock lock(mutex_);
  if (makers_ != 0 || readers_.contains(backup) || removers_.contains(backup)) {
    return fail(ErrorCode::database_busy,
                fmt::format("backup {} cannot be removed while {}", backup.value,
                            makers_ != 0 ? "a backup is being made, which may share its objects"
                                         : "an operation uses it"));
  }
  ++removers_[backup];
  return BackupUse(this, BackupUse::Kind::removes, backup);
}

void BackupUses::end(BackupUse::Kind kind, const BackupId& backup) noexcept {
  {
    const MutexLock lock(mutex_);
    if (kind == BackupUse::Kind::makes) {
      --makers_;
    } else {
      auto& users = kind == BackupUse::Kind::reads ? readers_ : removers_;
      const auto found = users.find(backup);
      if (--found->second == 0) users.erase(found);
    }
  }
  ended_.notify_all();
}

}  // namespace restored::restore
