// One running or ended operation: what users see of it, and what must be decided atomically: its
// end by cancel or deadline, the commit of one that holds, the point after which nothing ends it.
// Threading: enter, hold*, note_*, settle and announce from its own thread; the rest from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/bandwidth.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/wait_board.h"
#include "pipeline/progress.h"
#include "registry/registry.h"
#include "restore/rate_meter.h"
#include "restored/operation.h"
#include "restored/store_call.h"

namespace restored::restore {

class Operation {
 public:
  Operation(registry::OperationRecord record, registry::Registry& registry, const Clock& clock);
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  const OperationId& id() const { return id_; }
  OperationView view() const;
  std::string backup_name() const;
  bool running() const;
  pipeline::Progress& progress() { return progress_; }
  // Where its calls on the repository tell what they wait for, and what holds them back.
  WaitBoard& waits() { return waits_; }
  Bandwidth& bandwidth() { return bandwidth_; }
  std::stop_token stop_token() const { return stop_.get_token(); }  // of every way to end it
  // All three, for calls of its own on the repository.
  StoreCall call() {
    StoreCall call(stop_token());
    call.waits = &waits_;
    call.bandwidth = &bandwidth_;
    return call;
  }

  // Durable: the record is written. Errors: the registry's.
  Result<void> enter(Phase phase);
  // The attempt that a restart counted counts once it goes on. Durable. Errors: the registry's.
  Result<void> hold_attempt();
  void count_attempt();  // on record with the next phase
  // What it waits for, for people; empty: it works. Shown before what stands on the board.
  void waits_on(std::string_view what);
  // From here on nothing ends it but its own outcome. Errors: cancelled, when it was told to end.
  Result<void> pass_point_of_no_return();
  void note_swap(double gate_closed_seconds);
  // Replaces an earlier one of its event, durably. Errors: the registry's. REQUIRES: not announced.
  Result<void> note_hook(HookResult result);
  // Among those that wait for their turn, from 1; nothing: it waits no longer.
  void note_queue_position(std::optional<std::uint32_t> position);
  void note_memory(std::uint64_t peak_bytes);

  // Durable: no restart continues it. Errors: operation_ended, past_point_of_no_return; the
  // registry's, after which it ends all the same, unless the agent dies before that. `why` becomes
  // its error, unless somebody asks for the cancel itself.
  Result<OperationView> cancel(std::optional<Error> why = std::nullopt);
  // See Engine::commit_operation(). Durable.
  Result<OperationView> commit();
  bool holds() const;  // a commit lacks before the swap
  // It holds from now on, for so long; one that held before, until the same moment as then.
  // Durable. Errors: the registry's.
  Result<void> hold(std::uint64_t seconds);
  void wait_commit();  // or until it is stopped. REQUIRES: hold()
  // Ends it as cancel() does, but as failed: with stage_expired when it was to be committed before
  // now; with timed_out when it runs for longer than this (0: no deadline; a backup has one in any
  // case) since it was accepted or continued, the time in which it held not counted.
  void end_if_overdue(std::uint64_t seconds_max);
  // Durable, and in force at once; 0: no limit. Errors: operation_ended, the registry's.
  Result<OperationView> set_bandwidth(std::uint64_t bytes_per_second);
  // It stops soon and stays recorded as running.
  void stop_for_shutdown();
  // Whether this error is that stop, so that a restore goes on at the next start.
  bool is_cut_off(const Error& error) const;
  bool end_asked() const;  // by cancel() or its deadline
  // What really ended it, where its work only saw that it was told to stop.
  Error cause(const Error& error) const;

  // Writes the end to the registry. A restore that was stopped for shutdown, and whatever had been
  // cut off before, stays recorded as running; one with a hold, without this attempt. announce()
  // makes it visible, with the claim released: who sees it may start the next operation at once.
  Result<void> settle(const Result<void>& outcome);
  // From settle() to announce(); nothing, too, for one that goes on at the next start.
  std::optional<OperationView> settled_end() const;
  void announce();
  // The end that settle() could not write: the registry still says "running".
  std::optional<registry::OperationRecord> unrecorded_end() const;
  // Tries again to write it; no error when there is nothing to write.
  Result<void> record_end();

  // Until it ended, was stopped for shutdown, `timeout` passed or `stop` was triggered.
  OperationView wait(std::chrono::milliseconds timeout, std::stop_token stop) const;
  void sample_rate();

 private:
  OperationView view_locked() const REQUIRES_LOCK(mutex_);
  registry::OperationRecord record_locked() const REQUIRES_LOCK(mutex_);
  Result<registry::OperationRecord> accept_cancel(std::optional<Error> why);
  Result<bool> accept_commit() REQUIRES_LOCK(mutex_);  // false: it is committed already
  std::optional<OperationView> end_locked(const Result<void>& outcome) const REQUIRES_LOCK(mutex_);
  bool cut_off_locked(const Error& error) const REQUIRES_LOCK(mutex_);
  Result<void> take_back_attempt();
  bool expired_locked() const REQUIRES_LOCK(mutex_);
  registry::OperationRecord ended_record_locked() const REQUIRES_LOCK(mutex_);
  std::optional<Error> overdue_locked(std::uint64_t seconds_max) const REQUIRES_LOCK(mutex_);
  Error overdue_error(std::uint64_t seconds) const REQUIRES_LOCK(mutex_);
  double average_rate_locked() const REQUIRES_LOCK(mutex_);
  bool transfers_locked() const REQUIRES_LOCK(mutex_);

  const OperationId id_;
  registry::Registry& registry_;
  const Clock& clock_;
  const std::chrono::steady_clock::time_point begun_at_;
  pipeline::Progress progress_;
  WaitBoard waits_;
  Bandwidth bandwidth_;
  std::stop_source stop_;
  Mutex recording_;  // orders what is written to the registry; taken before mutex_
  mutable Mutex mutex_;
  mutable ConditionVariable changed_;
  registry::OperationRecord record_ GUARDED_BY(mutex_);
  RateMeter rate_ GUARDED_BY(mutex_);
  OperationView ended_view_ GUARDED_BY(mutex_);  // settled, not yet announced
  bool settled_ GUARDED_BY(mutex_) = false;
  bool unrecorded_ GUARDED_BY(mutex_) = false;  // settled, not in the registry
  bool announced_ GUARDED_BY(mutex_) = false;
  std::optional<Error> overdue_ GUARDED_BY(mutex_);
  bool attempt_held_ GUARDED_BY(mutex_) = false;  // hold_attempt() without count_attempt()
  bool shutdown_ GUARDED_BY(mutex_) = false;
  bool no_return_ GUARDED_BY(mutex_) = false;
  std::optional<std::uint32_t> queue_position_ GUARDED_BY(mutex_);
  bool committing_ GUARDED_BY(mutex_) = false;  // being recorded: its time no longer ends it
  std::chrono::steady_clock::time_point hold_over_ GUARDED_BY(mutex_);  // with held_until
  std::optional<std::chrono::steady_clock::time_point> holding_since_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::duration held_for_ GUARDED_BY(mutex_){};
};

// Of one that was not committed until `until`.
Error stage_expired(const OperationId& operation, UnixMillis until);

}  // namespace restored::restore
