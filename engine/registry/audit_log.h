// The audit's entries in the registry's store, by sequence: those of what was done, and apart from
// them those of requests that changed nothing. Of them it holds their numbers in memory, no entry.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "catalog/record_store.h"
#include "registry/request_records.h"
#include "restored/limits.h"
#include "restored/requests.h"

namespace restored::registry {

// How many entries of each are kept.
struct AuditRoom {
  std::uint64_t done = limits::audit_entries_max;
  std::uint64_t idle = limits::audit_idle_entries_max;
};

class AuditLog {
 public:
  // The store outlives it.
  explicit AuditLog(catalog::RecordStore& store, AuditRoom room = {})
      : store_(store), done_{audit_prefix, room.done}, idle_{audit_idle_prefix, room.idle} {}
  // REQUIRES: before anything else is called.
  Result<void> load();

  // In one durable write with the changes: a new entry (sequence 0), or what one becomes. Gives
  // its sequence.
  Result<std::uint64_t> write(AuditEntry entry, WriteSet changes = {}) {
    return finish(begin(std::move(entry), std::move(changes)));
  }
  // The same in two steps, as those of the store.
  struct Begun {
    std::uint64_t sequence = 0;
    bool fresh = false;
    bool idle = false;
    std::shared_ptr<catalog::RecordStore::Begun> write;
  };
  Begun begin(AuditEntry entry, WriteSet changes = {});
  Result<std::uint64_t> finish(const Begun& begun);
  // As RequestRecords::audit().
  Result<AuditPage> read(const AuditQuery& query) const;
  // Removes those that were recorded before, and the oldest of those that are too many.
  Result<void> forget(UnixMillis before);

 private:
  struct Family {
    std::string_view prefix;
    std::uint64_t entries_max;
    std::uint64_t entries = 0;  // there now, about: one that moves while it is removed counts twice
  };
  struct Found {
    std::vector<AuditEntry> entries;  // newest first
    std::uint64_t reached = 0;        // all that are wanted from here on were seen; 0: every one
  };

  Family& family_of(bool idle) REQUIRES_LOCK(appending_) { return idle ? idle_ : done_; }
  Result<Found> find(std::string_view prefix, const AuditQuery& query) const;
  Result<bool> forget_some(bool idle, UnixMillis before);
  void count(const Begun& begun, bool there) REQUIRES_LOCK(appending_);

  catalog::RecordStore& store_;
  // Held while a write begins: the numbers are in the order in which the log grows.
  mutable Mutex appending_;
  Family done_ GUARDED_BY(appending_);
  Family idle_ GUARDED_BY(appending_);
  std::uint64_t next_ GUARDED_BY(appending_) = 1;
};

}  // namespace restored::registry
