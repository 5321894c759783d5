#include "restore/retention.h"

#include <algorithm>
#include <cstdint>

namespace restored::restore {
namespace {

// A damaged one is in the repository, one that was never made is not.
bool stored(const BackupInfo& backup) {
  return backup.status == BackupStatus::completed ||
         (backup.status == BackupStatus::failed && backup.stored_bytes > 0);
}

}  // namespace

std::vector<BackupId> past_retention(const std::vector<BackupInfo>& backups,
                                     const BackupPolicy& policy, UnixMillis now) {
  std::vector<BackupId> past;
  if (policy.keeps_everything()) return past;
  const UnixMillis kept_from = now - static_cast<UnixMillis>(policy.keep_days) * 24 * 3600 * 1000;
  const std::uint64_t keep_count = std::max<std::uint64_t>(policy.keep_count, 1);
  bool newest_complete_seen = false;
  std::uint64_t newer_complete = 0;  // of those that retention is about
  for (const BackupInfo& backup : backups) {
    const bool complete = backup.status == BackupStatus::completed;
    const bool newest_complete = complete && !newest_complete_seen;
    newest_complete_seen = newest_complete_seen || complete;
    if (!stored(backup) || (!backup.scheduled && policy.keep_manual)) continue;
    const bool young = policy.keep_days > 0 && backup.created_at >= kept_from;
    if (!newest_complete && !young && newer_complete >= keep_count) past.push_back(backup.id);
    if (complete) ++newer_complete;
  }
  return past;
}

}  // namespace restored::restore
