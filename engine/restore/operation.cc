#include "restore/operation.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;  // counters for people, see progress.h

void overlay(OperationView& view, const pipeline::Progress& progress) {
  view.bytes_done = progress.bytes_done.load(relaxed);
  view.bytes_total = progress.bytes_total.load(relaxed);
  view.bytes_reused = progress.bytes_reused.load(relaxed);
  view.bytes_transferred = progress.bytes_transferred.load(relaxed);
  view.files_done = progress.files_done.load(relaxed);
  view.files_total = progress.files_total.load(relaxed);
  view.busy.fetch += progress.busy_seconds(pipeline::Stage::fetch);
  view.busy.decode += progress.busy_seconds(pipeline::Stage::decode);
  view.busy.write += progress.busy_seconds(pipeline::Stage::write);
  view.busy.encode += progress.busy_seconds(pipeline::Stage::encode);
  view.busy.store += progress.busy_seconds(pipeline::Stage::store);
}

bool moves_bytes(Phase phase) {
  return phase == Phase::fetch || phase == Phase::upload || phase == Phase::read;
}

// What was read from this host does not tell how fast the rest will come.
std::uint64_t rated_bytes(const pipeline::Progress& progress) {
  const std::uint64_t done = progress.bytes_done.load(relaxed);
  const std::uint64_t reused = progress.bytes_reused.load(relaxed);
  return done > reused ? done - reused : 0;
}

std::string duration(std::uint64_t seconds) {
  if (seconds % 86400 == 0) return fmt::format("{} d", seconds / 86400);
  if (seconds % 3600 == 0) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} s", seconds);
}

}  // namespace

Operation::Operation(registry::OperationRecord record, registry::Registry& registry,
                     const Clock& clock)
    : id_(record.view.id),
      registry_(registry),
      clock_(clock),
      begun_at_(clock.monotonic()),
      bandwidth_(record.view.bandwidth_bytes_per_second, clock),
      record_(std::move(record)) {
  if (record_.view.state != OperationState::running) {
    settled_ = announced_ = true;
    return;
  }
  const OperationView& view = record_.view;
  progress_.bytes_done.store(view.bytes_done, relaxed);
  progress_.bytes_total.store(view.bytes_total, relaxed);
  progress_.bytes_reused.store(view.bytes_reused, relaxed);
  progress_.bytes_transferred.store(view.bytes_transferred, relaxed);
  progress_.files_done.store(view.files_done, relaxed);
  progress_.files_total.store(view.files_total, relaxed);
}

OperationView Operation::view() const {
  const MutexLock lock(mutex_);
  return view_locked();
}

OperationView Operation::view_locked() const {
  OperationView view = record_.view;
  if (announced_) return view;
  overlay(view, progress_);
  view.may_cancel = !settled_ && !no_return_ && !record_.cancel_asked && !overdue_;
  view.queue_position = queue_position_;
  // Until when it can be committed: no more.
  if (record_.committed || settled_ || record_.cancel_asked || overdue_) view.held_until.reset();
  if (view.waiting_on.empty() && !settled_) {
    if (std::optional<StoreWait> wait = waits_.current()) {
      view.waiting_on = std::move(wait->reason);
      view.waiting_since = wait->since;
      view.waiting_attempts = wait->attempts;
    }
  }
  if (transfers_locked()) {
    const std::uint64_t done = rated_bytes(progress_);
    view.bytes_per_second = rate_.recent(clock_.monotonic(), done);
    if (view.bytes_per_second > 0 && view.bytes_total >= view.bytes_done) {
      view.eta_seconds =
          static_cast<double>(view.bytes_total - view.bytes_done) / view.bytes_per_second;
    }
    view.updated_at = clock_.wall();
  }
  return view;
}

registry::OperationRecord Operation::record_locked() const {
  registry::OperationRecord record = record_;
  record.view = view_locked();
  record.view.held_until = record_.view.held_until;
  // What it waits for now is no fact about it.
  record.view.waiting_on.clear();
  record.view.waiting_since.reset();
  record.view.waiting_attempts = 0;
  return record;
}

bool Operation::transfers_locked() const {
  return !settled_ && moves_bytes(record_.view.phase);
}

double Operation::average_rate_locked() const {
  return rate_.average(clock_.monotonic(), rated_bytes(progress_));
}

std::string Operation::backup_name() const {
  const MutexLock lock(mutex_);
  return record_.backup_name;
}

bool Operation::running() const {
  const MutexLock lock(mutex_);
  return !announced_;
}

Result<void> Operation::enter(Phase phase) {
  const MutexLock recording(recording_);
  registry::OperationRecord record;
  {
    const MutexLock lock(mutex_);
    // The rate of the phase that ends stays readable.
    if (transfers_locked()) record_.view.bytes_per_second = average_rate_locked();
    record_.view.phase = phase;
    record_.view.waiting_on.clear();
    record_.view.waiting_since.reset();
    record_.view.updated_at = clock_.wall();
    if (moves_bytes(phase)) rate_.begin(clock_.monotonic(), rated_bytes(progress_));
    record = record_locked();
  }
  changed_.notify_all();
  return registry_.put_operation(record);
}

Result<void> Operation::hold_attempt() {
  const MutexLock recording(recording_);
  registry::OperationRecord record;
  {
    const MutexLock lock(mutex_);
    if (record_.view.attempts > 0) --record_.view.attempts;
    attempt_held_ = true;
    record = record_locked();
  }
  return registry_.put_operation(record);
}

void Operation::count_attempt() {
  const MutexLock lock(mutex_);
  ++record_.view.attempts;
  attempt_held_ = false;
}

void Operation::waits_on(std::string_view what) {
  const MutexLock lock(mutex_);
  if (record_.view.waiting_on == what) return;  // since when stays
  record_.view.waiting_on = what;
  record_.view.waiting_since.reset();
  if (!what.empty()) record_.view.waiting_since = clock_.wall();
}

Result<void> Operation::pass_point_of_no_return() {
  const MutexLock lock(mutex_);
  if (record_.cancel_asked || overdue_ || shutdown_) {
    return fail(ErrorCode::cancelled, fmt::format("operation {} was told to stop", id_.value));
  }
  no_return_ = true;
  return {};
}

void Operation::note_swap(double gate_closed_seconds) {
  const MutexLock lock(mutex_);
  record_.view.swap_pause_seconds = gate_closed_seconds;
}

void Operation::note_queue_position(std::optional<std::uint32_t> position) {
  const MutexLock lock(mutex_);
  queue_position_ = position;
}

Result<void> Operation::note_hook(HookResult result) {
  const MutexLock recording(recording_);
  registry::OperationRecord record;
  {
    const MutexLock lock(mutex_);
    // An end that is on record stays there.
    std::vector<HookResult>& hooks = settled_ ? ended_view_.hooks : record_.view.hooks;
    std::erase_if(hooks, [&](const HookResult& known) { return known.event == result.event; });
    hooks.push_back(std::move(result));
    record = settled_ ? ended_record_locked() : record_locked();
  }
  return registry_.put_operation(record);
}

void Operation::note_memory(std::uint64_t peak_bytes) {
  const MutexLock lock(mutex_);
  record_.view.peak_memory_bytes = peak_bytes;
}

Result<OperationView> Operation::cancel() {
  OperationView view;
  Result<void> recorded;
  {
    const MutexLock recording(recording_);
    RESTORED_TRY(const registry::OperationRecord record, accept_cancel());
    view = record.view;
    view.held_until.reset();
    // Before the answer: a restart would otherwise go on with what its client believes ended.
    recorded = registry_.put_operation(record);
  }
  stop_.request_stop();  // runs callbacks of the pipeline: not under our locks
  if (recorded) return view;
  return std::unexpected(
      context(fmt::format("operation {} ends, but that it was told to is not on record", id_.value),
              std::move(recorded).error()));
}

// From here on it does not pass the point of no return.
Result<registry::OperationRecord> Operation::accept_cancel() {
  const MutexLock lock(mutex_);
  if (settled_) {
    return fail(ErrorCode::operation_ended, fmt::format("operation {} has ended", id_.value));
  }
  if (no_return_) {
    const bool backup = record_.view.kind == OperationKind::backup;
    return fail(ErrorCode::past_point_of_no_return,
                fmt::format("operation {} is past the point of no return", id_.value),
                backup ? "The manifest is being written: wait, then delete the backup." : "");
  }
  record_.cancel_asked = true;
  return record_locked();
}

void Operation::end_if_overdue(std::uint64_t seconds_max) {
  std::string message;
  {
    const MutexLock lock(mutex_);
    const bool ends_itself = settled_ || no_return_ || record_.view.kind == OperationKind::undo;
    if (ends_itself || record_.cancel_asked || overdue_ || shutdown_) return;
    overdue_ = overdue_locked(seconds_max);
    if (!overdue_) return;
    message = overdue_->message;
  }
  log::warning("restore", "{}", message);
  stop_.request_stop();  // runs callbacks of the pipeline: not under our lock
}

std::optional<Error> Operation::overdue_locked(std::uint64_t seconds_max) const {
  const OperationView& view = record_.view;
  if (!committing_ && expired_locked()) return stage_expired(id_, *view.held_until);
  std::uint64_t seconds = seconds_max;
  if (view.kind == OperationKind::backup) {
    seconds =
        seconds == 0 ? limits::backup_seconds_max : std::min(seconds, limits::backup_seconds_max);
  }
  if (seconds == 0 || holding_since_) return std::nullopt;
  if (clock_.monotonic() - begun_at_ - held_for_ < std::chrono::seconds(seconds)) {
    return std::nullopt;
  }
  return overdue_error(seconds);
}

Error Operation::overdue_error(std::uint64_t seconds) const {
  const OperationView view = view_locked();
  std::string message = fmt::format("{} {} did not end within {}: in phase {} ", name(view.kind),
                                    id_.value, duration(seconds), name(view.phase));
  if (!view.waiting_on.empty()) {
    const UnixMillis since = view.waiting_since.value_or(clock_.wall());
    message += fmt::format("it waited for {} (for {} s", view.waiting_on,
                           std::max<UnixMillis>(0, clock_.wall() - since) / 1000);
    if (view.waiting_attempts > 0) message += fmt::format(", {} attempts", view.waiting_attempts);
    message += ')';
  } else {
    message += fmt::format("it had done {} of {} bytes, at {:.0f} bytes a second", view.bytes_done,
                           view.bytes_total, view.bytes_per_second);
  }
  const std::uint64_t limit = bandwidth_.get();
  if (limit != 0) message += fmt::format(", limited to {} bytes a second", limit);
  return {ErrorCode::timed_out, std::move(message),
          "Mend what it waited for, lift its bandwidth limit, or raise store.operation_deadline; "
          "then start it again."};
}

Result<OperationView> Operation::set_bandwidth(std::uint64_t bytes_per_second) {
  const MutexLock recording(recording_);
  registry::OperationRecord record;
  {
    const MutexLock lock(mutex_);
    if (settled_) {
      return fail(ErrorCode::operation_ended, fmt::format("operation {} has ended", id_.value));
    }
    record = record_locked();
  }
  record.view.bandwidth_bytes_per_second = bytes_per_second;
  RESTORED_TRY(registry_.put_operation(record));
  bandwidth_.set(bytes_per_second);
  const MutexLock lock(mutex_);
  record_.view.bandwidth_bytes_per_second = bytes_per_second;
  return view_locked();
}

void Operation::stop_for_shutdown() {
  {
    const MutexLock lock(mutex_);
    shutdown_ = true;
  }
  stop_.request_stop();
  changed_.notify_all();
}

bool Operation::end_asked() const {
  const MutexLock lock(mutex_);
  return record_.cancel_asked || overdue_;
}

Error Operation::cause(const Error& error) const {
  const MutexLock lock(mutex_);
  return error.code == ErrorCode::cancelled && overdue_ && !record_.cancel_asked ? *overdue_
                                                                                 : error;
}

OperationView Operation::wait(std::chrono::milliseconds timeout, std::stop_token stop) const {
  const MutexLock lock(mutex_);
  changed_.wait_for(mutex_, stop, timeout,
                    [&]() NO_THREAD_SAFETY_ANALYSIS { return announced_ || shutdown_; });
  return view_locked();
}

void Operation::sample_rate() {
  const MutexLock lock(mutex_);
  if (transfers_locked()) rate_.sample(clock_.monotonic(), rated_bytes(progress_));
}

}  // namespace restored::restore
