#include "restore/schedule_times.h"

#include <algorithm>
#include <span>

#include "base/check.h"
#include "format/hash.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

UnixMillis millis(std::uint64_t seconds) {
  return static_cast<UnixMillis>(seconds) * 1000;
}

// Also before 1970, where a clock that has lost its battery may be.
UnixMillis floor_to(UnixMillis time, UnixMillis step) {
  const UnixMillis rest = time % step;
  return time - (rest < 0 ? rest + step : rest);
}

UnixMillis begin_of_periods(const BackupPolicy& policy, const DatabaseId& id) {
  const std::uint64_t spread = std::min(policy.spread_seconds, policy.every_seconds);
  return millis(policy.at_seconds) +
         share_of(id, std::chrono::milliseconds(millis(spread))).count();
}

}  // namespace

bool backed_up_by_schedule(const BackupPolicy& policy, const registry::DatabaseRecord& record) {
  return record.daily_backup.value_or(policy.all_databases);
}

std::chrono::milliseconds share_of(const DatabaseId& id, std::chrono::milliseconds time) {
  constexpr double below_one = 0x1p-53;
  const std::uint64_t hash = format::hash64(std::as_bytes(std::span(id.value)), 0);
  const double fraction = static_cast<double>(hash >> 11) * below_one;
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(fraction * static_cast<double>(time.count())));
}

UnixMillis last_due(const BackupPolicy& policy, const DatabaseId& id, UnixMillis now) {
  RESTORED_CHECK(policy.every_seconds > 0, "a schedule has a period");
  const UnixMillis begin = begin_of_periods(policy, id);
  return floor_to(now - begin, millis(policy.every_seconds)) + begin;
}

UnixMillis next_due(const BackupPolicy& policy, const DatabaseId& id, UnixMillis now) {
  return last_due(policy, id, now) + millis(policy.every_seconds);
}

std::chrono::milliseconds catch_up_wait(const BackupPolicy& policy, const DatabaseId& id) {
  const std::uint64_t seconds =
      std::min<std::uint64_t>(policy.spread_seconds, limits::schedule_catch_up_seconds);
  return share_of(id, std::chrono::milliseconds(millis(seconds)));
}

std::chrono::seconds retry_wait(std::uint32_t tries) {
  RESTORED_CHECK(tries > 0, "it has failed before it waits");
  const std::uint32_t doublings = std::min<std::uint32_t>(tries - 1, 16);
  const std::uint64_t wait = std::uint64_t{limits::schedule_retry_seconds} << doublings;
  return std::chrono::seconds(std::min<std::uint64_t>(wait, limits::schedule_retry_seconds_max));
}

}  // namespace restored::restore
