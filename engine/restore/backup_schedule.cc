#include "restore/backup_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/pause.h"
#include "base/thread_priority.h"
#include "restore/accept.h"
#include "restore/backup_removal.h"
#include "restore/give_way.h"
#include "restore/guarded.h"
#include "restore/retention.h"
#include "restore/schedule_times.h"
#include "restore/views.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

// A new database has no run behind it that it missed.
UnixMillis settled_at(const registry::DatabaseRecord& record) {
  return record.schedule_settled.value_or(record.created_at);
}

// The claim is somebody else's: nothing has failed.
bool must_wait(ErrorCode code) {
  return code == ErrorCode::database_busy || code == ErrorCode::database_recovering ||
         code == ErrorCode::database_provisioning || code == ErrorCode::shutting_down;
}

}  // namespace

BackupSchedule::BackupSchedule(EngineParts& parts, Collector& collector)
    : parts_(parts),
      collector_(collector),
      policy_(parts.options.backups),
      opened_at_(parts.clock.wall()),
      opened_moment_(parts.clock.monotonic()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void BackupSchedule::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Result<DatabaseSchedule> BackupSchedule::view(const DatabaseId& id) const {
  const auto record = parts_.registry->database(id);
  if (!record) {
    return fail(ErrorCode::database_not_found, fmt::format("database {} does not exist", id.value));
  }
  DatabaseSchedule schedule;
  schedule.database = id;
  schedule.enabled = backed_up_by_schedule(policy_, *record);
  schedule.chosen = record->daily_backup;
  schedule.settled_at = settled_at(*record);
  if (!schedule.enabled) return schedule;
  const UnixMillis now = parts_.clock.wall();
  const UnixMillis due = last_due(policy_, id, now);
  schedule.next_at =
      due > schedule.settled_at ? due : next_due(policy_, id, std::max(now, schedule.settled_at));
  const MutexLock lock(mutex_);
  const auto found = states_.find(id);
  if (found == states_.end()) return schedule;
  schedule.operation = found->second.operation;
  schedule.failed_tries = found->second.tries;
  schedule.error = found->second.error;
  schedule.retention_error = found->second.retention_error;
  return schedule;
}

Result<void> BackupSchedule::choose(const DatabaseId& id, std::optional<bool> on) {
  const UnixMillis now = parts_.clock.wall();
  return parts_.change_record(id, [&](registry::DatabaseRecord& record) {
    const bool was_on = backed_up_by_schedule(policy_, record);
    record.daily_backup = on;
    // What was due while it was off was not missed.
    if (!was_on && backed_up_by_schedule(policy_, record)) record.schedule_settled = now;
  });
}

void BackupSchedule::run(const std::stop_token& stop) {
  enter_background_thread("schedule");
  bool noted = false;
  do {
    const Result<void> looked = guarded([&]() -> Result<void> {
      if (!noted) note_earlier_runs();
      noted = true;
      look_at_all(stop);
      return {};
    });
    if (!looked) log::error("schedule", "{}", looked.error().message);
  } while (pause(std::chrono::seconds(1), stop));
}

// An agent that was killed may have made the backup and not have said so, or finds out only now
// whether it had. Tries that failed are counted on: it may be the backup that kills the agent.
void BackupSchedule::note_earlier_runs() {
  const UnixMillis now = parts_.clock.wall();
  for (const OperationView& view : parts_.operations->views()) {
    if (!by_schedule(view) || gave_way(view)) continue;
    Earlier& earlier = earlier_[view.database];
    if (earlier.newest) continue;
    if (view.state != OperationState::failed) {
      earlier.newest = view;
    } else if (view.created_at >= last_due(policy_, view.database, now)) {
      if (earlier.failed++ == 0) earlier.error = view.error;
    }
  }
}

void BackupSchedule::look_at_all(const std::stop_token& stop) {
  std::vector<registry::DatabaseRecord> records = parts_.registry->databases();
  std::erase_if(records, [&](const registry::DatabaseRecord& record) {
    return !backed_up_by_schedule(policy_, record) || record.status == DatabaseStatus::provisioning;
  });
  forget_others(records);
  for (const registry::DatabaseRecord& record : records) {
    if (stop.stop_requested()) return;
    look_at(record, stop);
  }
}

void BackupSchedule::look_at(const registry::DatabaseRecord& record, const std::stop_token& stop) {
  const DatabaseId& id = record.id;
  State state = state_of(record);
  if (state.operation) follow(record, state);
  const auto known = parts_.registry->database(id);
  if (!known) return;
  UnixMillis settled = settled_at(*known);
  const UnixMillis now = parts_.clock.wall();
  // The clock was ahead when that was written, and was put right: without this there would be no
  // backup until it is there again. A smaller step back only makes one wait longer.
  const auto period = static_cast<UnixMillis>(policy_.every_seconds) * 1000;
  if (settled > now + period && parts_.clock.monotonic() >= state.settle_not_before) {
    if (put_settled(id, [now](UnixMillis) { return now; })) {
      settled = now;
    } else {
      state.settle_not_before = parts_.clock.monotonic() + retry_wait(++state.settle_tries);
    }
  }
  const UnixMillis due = last_due(policy_, id, now);
  if (!state.operation && due > settled) start(record, state, due);
  // Also while a run waits or fails: it may be for want of the room that old ones take. What stays
  // follows from complete backups alone.
  if (!state.operation && state.retention_due) retire(id, state, stop);
  const MutexLock lock(mutex_);
  states_[id] = std::move(state);
}

void BackupSchedule::forget_others(const std::vector<registry::DatabaseRecord>& records) {
  std::set<DatabaseId> ids;
  for (const registry::DatabaseRecord& record : records) ids.insert(record.id);
  const MutexLock lock(mutex_);
  std::erase_if(states_, [&](const auto& entry) { return !ids.contains(entry.first); });
}

BackupSchedule::State BackupSchedule::state_of(const registry::DatabaseRecord& record) {
  {
    const MutexLock lock(mutex_);
    const auto found = states_.find(record.id);
    if (found != states_.end()) return found->second;
  }
  return first_state(record);
}

BackupSchedule::State BackupSchedule::first_state(const registry::DatabaseRecord& record) {
  State state;
  const auto found = earlier_.find(record.id);
  if (found == earlier_.end()) return state;
  const Earlier earlier = std::move(found->second);
  earlier_.erase(found);
  if (earlier.failed > 0) {
    state.due = last_due(policy_, record.id, parts_.clock.wall());
    state.tries = earlier.failed;
    state.error = earlier.error;
    state.not_before = parts_.clock.monotonic() + retry_wait(state.tries);
  }
  if (!earlier.newest) return state;
  const OperationView& view = *earlier.newest;
  if (view.state == OperationState::running) {
    state.operation = view.id;
    state.due = last_due(policy_, record.id, view.created_at);
  } else if (view.created_at > settled_at(record)) {
    settle(record.id, view.created_at);  // also one that somebody cancelled
  }
  return state;
}

void BackupSchedule::follow(const registry::DatabaseRecord& record, State& state) {
  const auto operation = parts_.operations->find(*state.operation);
  if (!operation) {
    state.operation.reset();
    return;
  }
  const OperationView view = (*operation)->view();
  if (view.state == OperationState::running) return;
  if (gave_way(view)) {
    // Nothing has failed; and who it gave way to is to find the database free.
    state.operation.reset();
    state.not_before = parts_.clock.monotonic() + std::chrono::seconds(1);
    return;
  }
  if (view.state == OperationState::failed) {
    state.operation.reset();
    note_failure(record.id, state, view.error.value_or(Error{}));
    return;
  }
  if (parts_.clock.monotonic() < state.settle_not_before) return;
  // One that a person has cancelled is not forced on him again: the next one is the next run's.
  parts_.step("schedule.run.after-backup");
  if (!settle(record.id, state.due)) {
    state.settle_not_before = parts_.clock.monotonic() + retry_wait(++state.settle_tries);
    return;
  }
  parts_.step("schedule.run.after-settled");
  state = State();
}

void BackupSchedule::start(const registry::DatabaseRecord& record, State& state, UnixMillis due) {
  if (due != state.due) {
    // What became of the last run, and of retention, is still so.
    state.due = due;
    state.tries = 0;
    state.not_before = Moment();
    state.retention_due = true;
  }
  if (parts_.clock.monotonic() < state.not_before || catches_up_later(record.id, due)) return;
  if (running() >= limits::scheduled_backups_max) return;
  const Result<OperationView> begun = accept_backup(parts_, record.id, "scheduled " + iso8601(due),
                                                    std::string(schedule_principal), 0, Intent());
  if (begun) {
    log::info("schedule", "database={} backup={} operation={} due={} tries={}", record.id.value,
              begun->backup.value, begun->id.value, iso8601(due), state.tries);
    state.operation = begun->id;
  } else if (!must_wait(begun.error().code)) {
    note_failure(record.id, state, begun.error());
  }
}

void BackupSchedule::note_failure(const DatabaseId& id, State& state, const Error& error) {
  state.error = error;
  ++state.tries;
  const std::chrono::seconds wait = retry_wait(state.tries);
  state.not_before = parts_.clock.monotonic() + wait;
  log::warning("schedule", "database={} has no scheduled backup: try={} again in {} s: {}",
               id.value, state.tries, wait.count(), error.message);
}

void BackupSchedule::retire(const DatabaseId& id, State& state, const std::stop_token& stop) {
  if (parts_.clock.monotonic() < std::max(state.retention_not_before, no_retention_before_)) return;
  const Result<void> removed = remove_old(id, stop);
  if (stop.stop_requested()) return;
  state.retention_due = !removed;
  state.retention_error.reset();
  if (removed) return;
  state.retention_error = removed.error();
  const std::chrono::seconds wait = retry_wait(++state.retention_tries);
  state.retention_not_before = parts_.clock.monotonic() + wait;
  // A backup in use is this database's matter.
  if (removed.error().code != ErrorCode::database_busy) {
    no_retention_before_ =
        parts_.clock.monotonic() + std::chrono::seconds(limits::schedule_retry_seconds);
  }
  log::warning("schedule", "database={} keeps old backups: again in {} s: {}", id.value,
               wait.count(), removed.error().message);
}

Result<void> BackupSchedule::remove_old(const DatabaseId& id, const std::stop_token& stop) {
  if (policy_.keeps_everything()) return {};
  StoreCall call = parts_.request_call();
  call.stop = stop;
  RESTORED_TRY(const std::vector<BackupInfo> backups, backup_views(parts_, id, call));
  Result<void> outcome;
  for (const BackupId& backup : past_retention(backups, policy_, parts_.clock.wall())) {
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
    Result<void> removed = remove_one(id, backup, call);
    // Somebody else was first: a person, or an agent that was killed with the answer on its way.
    if (!removed && removed.error().code == ErrorCode::backup_not_found) continue;
    if (removed) {
      log::info("schedule", "database={} backup={} has had its time: removed", id.value,
                backup.value);
      parts_.step("schedule.retire.after-removal");
    } else if (outcome) {
      outcome = std::move(removed);  // the others need not stay for it
    }
  }
  return outcome;
}

// On record before it is begun, and what became of it after.
Result<void> BackupSchedule::remove_one(const DatabaseId& id, const BackupId& backup,
                                        const StoreCall& call) {
  RequestRecords& records = parts_.registry->requests();
  AuditEntry entry = removal_entry(id, backup, policy_, parts_.clock.wall());
  const auto begin = [&]() -> Result<void> {
    const Result<std::uint64_t> begun = records.begin(entry);
    if (!begun) {
      return fail(ErrorCode::audit_not_written,
                  fmt::format("the audit cannot be written ({}): backup {} stays",
                              begun.error().message, backup.value),
                  "Repair the state directory's device, or free space on it.");
    }
    entry.sequence = *begun;
    parts_.step("schedule.retire.after-begin");
    return {};
  };
  Result<void> removed = remove_backup(parts_, collector_, backup, call, begin);
  if (entry.sequence == 0) return removed;  // it was not begun
  end_removal(entry, removed, parts_.clock.wall());
  const Result<void> recorded = records.record(std::move(entry));
  if (recorded || !removed) return removed;
  return std::unexpected(
      context(fmt::format("backup {} is removed, which the audit does not tell", backup.value),
              recorded.error()));
}

// Never back: it may have been switched on since that run was due.
bool BackupSchedule::settle(const DatabaseId& id, UnixMillis time) {
  return put_settled(id, [time](UnixMillis current) { return std::max(current, time); });
}

bool BackupSchedule::put_settled(const DatabaseId& id,
                                 const std::function<UnixMillis(UnixMillis)>& change) {
  const Result<void> settled = parts_.change_record(id, [&](registry::DatabaseRecord& record) {
    record.schedule_settled = change(settled_at(record));
  });
  if (settled || settled.error().code == ErrorCode::database_not_found) return true;
  log::warning("schedule", "database={}: that a run is done with is not on record: {}", id.value,
               settled.error().message);
  return false;
}

// Hosts that lost their power together start together.
bool BackupSchedule::catches_up_later(const DatabaseId& id, UnixMillis due) const {
  return due <= opened_at_ &&
         parts_.clock.monotonic() < opened_moment_ + catch_up_wait(policy_, id);
}

unsigned BackupSchedule::running() const {
  unsigned count = 0;
  const MutexLock lock(mutex_);
  for (const auto& [id, state] : states_) count += state.operation ? 1 : 0;
  return count;
}

}  // namespace restored::restore
