// How an operation ends, and how that gets on record.
#include <utility>

#include "restore/operation.h"

namespace restored::restore {

std::optional<OperationView> Operation::end_locked(const Result<void>& outcome) const {
  const bool cut_off = !outcome && cut_off_locked(outcome.error());
  // What came from an earlier start is not this stop's to end: see cut_off_backup.h.
  const bool goes_on = record_.view.kind == OperationKind::restore || record_.view.attempts > 1;
  if (cut_off && goes_on) return std::nullopt;
  OperationView view = view_locked();
  view.eta_seconds.reset();
  view.waiting_on.clear();
  view.waiting_since.reset();
  view.waiting_attempts = 0;
  view.queue_position.reset();
  view.held_until.reset();
  view.may_cancel = false;
  if (transfers_locked()) view.bytes_per_second = average_rate_locked();
  if (outcome) {
    view.state = OperationState::succeeded;
    view.phase = Phase::done;
    view.error.reset();  // why it was to be cancelled
  } else if (outcome.error().code == ErrorCode::cancelled && record_.cancel_asked) {
    view.state = OperationState::cancelled;
  } else {
    view.state = OperationState::failed;
    const bool ended = outcome.error().code == ErrorCode::cancelled && overdue_.has_value();
    view.error = ended ? *overdue_ : outcome.error();
    if (cut_off) view.error = Error{ErrorCode::shutting_down, "the agent stopped while it ran", {}};
    view.error->hint = std::string(view.error->hint_text());
  }
  view.updated_at = clock_.wall();
  view.ended_at = view.updated_at;
  return view;
}

// Only what was stopped: who has ended of itself meanwhile, a veto say, has ended.
bool Operation::cut_off_locked(const Error& error) const {
  return error.code == ErrorCode::cancelled && shutdown_ && !record_.cancel_asked && !overdue_;
}

bool Operation::is_cut_off(const Error& error) const {
  const MutexLock lock(mutex_);
  return cut_off_locked(error);
}

std::optional<OperationView> Operation::settled_end() const {
  const MutexLock lock(mutex_);
  if (!settled_ || announced_) return std::nullopt;
  return ended_view_;
}

Result<void> Operation::settle(const Result<void>& outcome) {
  bool goes_on = false;
  {
    const MutexLock lock(mutex_);
    std::optional<OperationView> view = end_locked(outcome);
    goes_on = !view;
    if (view) {
      settled_ = unrecorded_ = true;
      ended_view_ = std::move(*view);
    }
  }
  return goes_on ? take_back_attempt() : record_end();
}

std::optional<registry::OperationRecord> Operation::unrecorded_end() const {
  const MutexLock lock(mutex_);
  if (!unrecorded_) return std::nullopt;
  return ended_record_locked();
}

registry::OperationRecord Operation::ended_record_locked() const {
  registry::OperationRecord record = record_;
  record.view = ended_view_;
  return record;
}

Result<void> Operation::record_end() {
  const MutexLock recording(recording_);
  const std::optional<registry::OperationRecord> record = unrecorded_end();
  if (!record) return {};
  RESTORED_TRY(registry_.put_operation(*record));
  const MutexLock lock(mutex_);
  unrecorded_ = false;
  return {};
}

void Operation::announce() {
  {
    const MutexLock lock(mutex_);
    if (!settled_) return;
    record_.view = ended_view_;
    announced_ = true;
  }
  changed_.notify_all();
}

}  // namespace restored::restore
