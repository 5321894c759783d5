// Backups that nobody asks for: begins them when they are due, tries again those that fail, and
// removes those that have had their time.
//
// What is durable is a time in the database's record: runs that were due by then are done with. It
// moves when a run has succeeded, and to the newest run that was due: what was missed, however
// often, is made up for once. An agent that is killed between the two finds the backup's operation
// at its next start.
// Threading: all methods may be called from any thread at once, stop() by the owner; works on a
// thread of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/mutex.h"
#include "restore/collector.h"
#include "restore/engine_parts.h"
#include "restored/error.h"
#include "restored/schedule.h"

namespace restored::restore {

class BackupSchedule {
 public:
  BackupSchedule(EngineParts& parts, Collector& collector);

  // Errors: database_not_found.
  Result<DatabaseSchedule> view(const DatabaseId& id) const;
  // Durable when it returns. Errors: database_not_found, the registry's.
  Result<void> choose(const DatabaseId& id, std::optional<bool> on);
  // REQUIRES: before the collector and the parts close.
  void stop();

 private:
  using Moment = std::chrono::steady_clock::time_point;
  // What is known of one database beside its record.
  struct State {
    UnixMillis due = 0;                    // the run that `tries` and `operation` are about
    std::optional<OperationId> operation;  // that runs
    std::uint32_t tries = 0;               // that failed
    std::optional<Error> error;            // of the last that failed, also of the run before
    Moment not_before;                     // of the next try
    std::uint32_t settle_tries = 0;        // to put on record that the run is done with
    Moment settle_not_before;
    bool retention_due = true;  // after each start of the agent, each run, and when one is due
    std::uint32_t retention_tries = 0;
    std::optional<Error> retention_error;
    Moment retention_not_before;
  };

  // What the operations of earlier agents tell of a database's runs.
  struct Earlier {
    std::optional<OperationView> newest;  // that did not fail
    std::uint32_t failed = 0;             // since then, of the run that was due at the start
    std::optional<Error> error;           // of the last of these
  };

  void run(const std::stop_token& stop);
  void note_earlier_runs();
  void look_at_all(const std::stop_token& stop);
  void look_at(const registry::DatabaseRecord& record, const std::stop_token& stop);
  void forget_others(const std::vector<registry::DatabaseRecord>& records);
  State state_of(const registry::DatabaseRecord& record);
  State first_state(const registry::DatabaseRecord& record);
  void follow(const registry::DatabaseRecord& record, State& state);
  void start(const registry::DatabaseRecord& record, State& state, UnixMillis due);
  void note_failure(const DatabaseId& id, State& state, const Error& error);
  void retire(const DatabaseId& id, State& state, const std::stop_token& stop);
  Result<void> remove_old(const DatabaseId& id, const std::stop_token& stop);
  Result<void> remove_one(const DatabaseId& id, const BackupId& backup, const StoreCall& call);
  bool settle(const DatabaseId& id, UnixMillis time);
  bool put_settled(const DatabaseId& id, const std::function<UnixMillis(UnixMillis)>& change);
  bool catches_up_later(const DatabaseId& id, UnixMillis due) const;
  unsigned running() const;

  EngineParts& parts_;
  Collector& collector_;
  std::map<DatabaseId, Earlier> earlier_;
  Moment no_retention_before_;  // of any database: asking for each what is away takes long
  const BackupPolicy& policy_;
  const UnixMillis opened_at_;
  const Moment opened_moment_;
  mutable Mutex mutex_;
  std::map<DatabaseId, State> states_ GUARDED_BY(mutex_);  // changed by the thread only
  std::jthread thread_;                                    // last: it uses the rest
};

}  // namespace restored::restore
