#include "restore/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "restored/limits.h"
#include "restored/operation.h"

namespace restored::restore {
namespace {

constexpr UnixMillis day = 24ll * 3600 * 1000;
// Another host's clock may be that much ahead of ours.
constexpr UnixMillis ahead_max = UnixMillis{limits::store_clock_skew_seconds} * 1000;

// The age of backups that are looked at from the newest on. A wall clock may have been set: between
// two complete ones, and since the newest, no more than a period and a day count as passed.
class Age {
 public:
  Age(const BackupPolicy& policy, UnixMillis now)
      : gap_max_(static_cast<UnixMillis>(policy.every_seconds) * 1000 + day), newer_(now) {}

  UnixMillis of(const BackupInfo& backup) {
    const UnixMillis gap = std::clamp<UnixMillis>(newer_ - backup.created_at, 0, gap_max_);
    if (backup.status != BackupStatus::completed) return of_newer_ + gap;
    of_newer_ += gap;
    newer_ = backup.created_at;
    return of_newer_;
  }

 private:
  const UnixMillis gap_max_;
  UnixMillis newer_;         // when the complete one before was made, at first: now
  UnixMillis of_newer_ = 0;  // its age
};

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
  const UnixMillis kept_for = static_cast<UnixMillis>(policy.keep_days) * day;
  const std::uint64_t keep_count = std::max<std::uint64_t>(policy.keep_count, 1);
  bool newest_complete_seen = false;
  std::uint64_t newer_complete = 0;  // of those that retention is about
  Age age(policy, now);
  for (const BackupInfo& backup : backups) {
    // Of a clock that was ahead: it is no younger than those made since that was put right.
    if (backup.created_at > now + ahead_max) continue;
    const bool complete = backup.status == BackupStatus::completed;
    const bool newest_complete = complete && !newest_complete_seen;
    newest_complete_seen = newest_complete_seen || complete;
    const UnixMillis old = age.of(backup);
    if (!stored(backup) || (!backup.scheduled && policy.keep_manual)) continue;
    const bool young = policy.keep_days > 0 && old <= kept_for;
    if (!newest_complete && !young && newer_complete >= keep_count) past.push_back(backup.id);
    if (complete) ++newer_complete;
  }
  return past;
}

AuditEntry removal_entry(const DatabaseId& database, const BackupId& backup,
                         const BackupPolicy& policy, UnixMillis now) {
  AuditEntry entry;
  entry.event = AuditEvent::retention_removal;
  entry.at = now;
  entry.principal = std::string(schedule_principal);
  entry.database = database;
  entry.backup = backup;
  if (policy.keep_days > 0) entry.reason = fmt::format("older than {} days", policy.keep_days);
  if (policy.keep_count > 0) {
    entry.reason += fmt::format("{}newer complete backups: at least {}",
                                entry.reason.empty() ? "" : "; ", policy.keep_count);
  }
  return entry;
}

void end_removal(AuditEntry& entry, const Result<void>& outcome, UnixMillis now) {
  entry.ended_at = now;
  entry.outcome = std::string(name(outcome ? OperationState::succeeded : OperationState::failed));
  if (!outcome) entry.code = std::string(facts(outcome.error().code).wire);
}

}  // namespace restored::restore
