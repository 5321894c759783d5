// How many commands each database has served on each day: in memory, and from time to time in one
// record a database and day. Nothing depends on them but what people are told.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "catalog/record_store.h"
#include "restored/database.h"
#include "restored/error.h"
#include "restored/ids.h"

namespace restored::registry {

class UsageStore {
 public:
  // The store outlives it.
  explicit UsageStore(catalog::RecordStore& store) : store_(store) {}
  // What a flush wrote of a database beside its removal goes: who is not known has no days.
  // REQUIRES: before anything else is called.
  Result<void> load(const std::function<bool(const DatabaseId&)>& known);

  // In memory, until flush() puts it on record.
  void count(const DatabaseId& id, std::uint32_t day, std::uint64_t commands);
  // What was counted since the last time, in one synced write. Errors: the disk's, after which all
  // of it waits for the next time.
  Result<void> flush();
  // In order of days.
  std::vector<DailyCommands> of(const DatabaseId& id, std::uint32_t first_day,
                                std::uint32_t last_day) const;
  // What was before that day.
  Result<void> forget_before(std::uint32_t day);
  // A database leaves with its days: they join the write that removes it, and are forgotten after.
  void erase_into(const DatabaseId& id, WriteSet& changes) const;
  void forget(const DatabaseId& id);

 private:
  using Days = std::map<std::uint32_t, std::uint64_t>;

  catalog::RecordStore& store_;
  Mutex writing_;  // orders what is written; taken before mutex_
  mutable Mutex mutex_;
  std::map<std::string, Days> days_ GUARDED_BY(mutex_);  // by database
  std::set<std::pair<std::string, std::uint32_t>> unrecorded_ GUARDED_BY(mutex_);
};

}  // namespace restored::registry
