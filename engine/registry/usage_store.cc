#include "registry/usage_store.h"

#include <algorithm>

#include "base/log.h"
#include "registry/records.h"

namespace restored::registry {

Result<void> UsageStore::load(const std::function<bool(const DatabaseId&)>& known) {
  WriteSet leftovers;
  {
    const MutexLock lock(mutex_);
    const auto visit = [&](std::string_view key, std::string_view text) NO_THREAD_SAFETY_ANALYSIS {
      const Result<StoredUsage> read = decode_usage(key, text);
      if (!read) {
        // A figure is no reason to serve nobody.
        log::warning("registry", "a day's commands are not told: {}", read.error().message);
      } else if (known(read->database)) {
        days_[read->database.value][read->day] = read->commands;
      } else {
        leftovers.erase(std::string(key));
      }
      return true;
    };
    RESTORED_TRY(store_.scan(usage_prefix, visit));
  }
  if (leftovers.empty()) return {};
  if (const Result<void> erased = store_.write(leftovers); !erased) {
    log::warning("registry", "the days of removed databases stay: {}", erased.error().message);
  }
  return {};
}

void UsageStore::count(const DatabaseId& id, std::uint32_t day, std::uint64_t commands) {
  const MutexLock lock(mutex_);
  days_[id.value][day] += commands;
  unrecorded_.insert({id.value, day});
}

Result<void> UsageStore::flush() {
  const MutexLock writing(writing_);
  std::set<std::pair<std::string, std::uint32_t>> written;
  WriteSet changes;
  {
    const MutexLock lock(mutex_);
    written.swap(unrecorded_);
    for (const auto& [database, day] : written) {
      const StoredUsage stored{DatabaseId(database), day, days_[database][day]};
      changes.put(usage_key(database, day), encode(stored));
    }
  }
  if (changes.empty()) return {};
  Result<void> recorded = store_.write(changes);
  if (recorded) return {};
  const MutexLock lock(mutex_);
  for (const auto& one : written) {
    if (days_.contains(one.first)) unrecorded_.insert(one);
  }
  return recorded;
}

std::vector<DailyCommands> UsageStore::of(const DatabaseId& id, std::uint32_t first_day,
                                          std::uint32_t last_day) const {
  std::vector<DailyCommands> found;
  const MutexLock lock(mutex_);
  const auto known = days_.find(id.value);
  if (known == days_.end()) return found;
  for (const auto& [day, commands] : known->second) {
    if (day >= first_day && day <= last_day) found.push_back({day, commands});
  }
  return found;
}

Result<void> UsageStore::forget_before(std::uint32_t day) {
  const MutexLock writing(writing_);
  WriteSet changes;
  {
    const MutexLock lock(mutex_);
    for (const auto& [database, days] : days_) {
      for (auto old = days.begin(); old != days.end() && old->first < day; ++old) {
        changes.erase(usage_key(database, old->first));
      }
    }
  }
  if (changes.empty()) return {};
  RESTORED_TRY(store_.write(changes));
  const MutexLock lock(mutex_);
  for (auto& [database, days] : days_) days.erase(days.begin(), days.lower_bound(day));
  std::erase_if(days_, [](const auto& row) { return row.second.empty(); });
  std::erase_if(unrecorded_, [&](const auto& one) { return one.second < day; });
  return {};
}

void UsageStore::erase_into(const DatabaseId& id, WriteSet& changes) const {
  const MutexLock lock(mutex_);
  const auto known = days_.find(id.value);
  if (known == days_.end()) return;
  for (const auto& [day, commands] : known->second) changes.erase(usage_key(id.value, day));
}

void UsageStore::forget(const DatabaseId& id) {
  const MutexLock lock(mutex_);
  days_.erase(id.value);
  std::erase_if(unrecorded_, [&](const auto& one) { return one.first == id.value; });
}

}  // namespace restored::registry
