// Every operation that the engine knows: running ones, and ended ones for as long as they are
// kept.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "registry/registry.h"
#include "restore/operation.h"

namespace restored::restore {

class OperationTable {
 public:
  OperationTable(registry::Registry& registry, const Clock& clock)
      : registry_(registry), clock_(clock) {}

  // Loads what the registry has; the records that say "running" are those that a stop cut off.
  void load();
  // Shared: the operation's thread, the table and those who wait for its end all hold it.
  using Pointer = std::shared_ptr<Operation>;

  // Durably begun when it returns. Fills the times. Refused while the end of another operation on
  // that database cannot be recorded: the next start would not know which of the two came last.
  Result<Pointer> create(registry::OperationRecord record);
  // A cut-off one begins again: attempts + 1, durable.
  Result<Pointer> resume(registry::OperationRecord record);
  // A cut-off one ends without having run again.
  Result<void> end_cut_off(registry::OperationRecord record, const Result<void>& outcome);
  // One that had ended; only the registry did not say so.
  Result<void> end_as_marked(registry::OperationRecord record);

  Result<Pointer> find(const OperationId& id) const;  // operation_not_found
  std::vector<Pointer> running() const;
  // The end of the operation that made this backup is on record, or the error why it cannot be:
  // without the backup, the next start would not know that it ended well.
  Result<void> record_backup_end(const BackupId& backup);
  std::vector<Pointer> unrecorded() const;   // ended, but the registry does not say so
  std::vector<OperationView> views() const;  // newest first
  // The newest backup operation that made or was to make this backup.
  Pointer backup_operation(const BackupId& backup) const;
  // Of backup operations on this database, newest first.
  std::vector<Pointer> backup_operations(const DatabaseId& database) const;

  BackupHistory backup_history(const DatabaseId& database) const;

  void sample_rates();
  // See Operation::end_if_overdue().
  void end_overdue(std::uint64_t seconds_max);
  // Forgets those that ended before, and of all others but the `ended_max` that ended last, here
  // and in the registry; not the backups that tell the history of a database that is still there.
  Result<void> forget_old(UnixMillis time, std::size_t ended_max);

 private:
  static Result<void> record_end(Operation& ended);

  // The backup operations of which a database's history consists; null: there is none.
  struct Telling {
    Pointer newest;    // that succeeded or failed
    Pointer complete;  // the newest that succeeded

    void see(const Pointer& operation, OperationState state);  // from the newest on
  };
  template <class Wanted>
  std::vector<Pointer> those(Wanted wanted) const;  // oldest first
  Telling telling(const DatabaseId& database) const;
  std::set<OperationId> telling_all() const;
  // When the first of the `count` ended that ended last; nothing: there are not more than these.
  std::optional<UnixMillis> end_of_last(std::size_t count) const;
  Pointer add(registry::OperationRecord record);
  Result<Pointer> begin(registry::OperationRecord record);

  registry::Registry& registry_;
  const Clock& clock_;
  mutable Mutex mutex_;
  std::uint64_t next_ GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, Pointer> by_age_ GUARDED_BY(mutex_);
  std::unordered_map<OperationId, std::uint64_t> age_ GUARDED_BY(mutex_);
};

}  // namespace restored::restore
