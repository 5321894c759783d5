// A restore that holds before its swap: until its commit, or for as long as it may.
#include <fmt/format.h>

#include <utility>

#include "base/clock.h"
#include "restore/operation.h"

namespace restored::restore {

Error stage_expired(const OperationId& operation, UnixMillis until) {
  return {ErrorCode::stage_expired,
          fmt::format("restore {} was staged and not committed until {}", operation.value,
                      iso8601(until)),
          {}};
}

bool Operation::holds() const {
  const MutexLock lock(mutex_);
  return record_.hold && !record_.committed;
}

Result<void> Operation::hold(std::uint64_t seconds) {
  const MutexLock recording(recording_);
  registry::OperationRecord record;
  {
    const MutexLock lock(mutex_);
    OperationView& view = record_.view;
    // That the agent was started again while it held is nothing that it did.
    if (view.held_until && view.attempts > 1) --view.attempts;
    const UnixMillis now = clock_.wall();
    if (!view.held_until) view.held_until = now + static_cast<UnixMillis>(seconds) * 1000;
    view.phase = Phase::staged;
    view.updated_at = now;
    view.waiting_on = "its commit";
    view.waiting_since = now;
    holding_since_ = clock_.monotonic();
    record = record_locked();
  }
  changed_.notify_all();
  return registry_.put_operation(record);
}

void Operation::wait_commit() {
  const MutexLock lock(mutex_);
  changed_.wait(mutex_, stop_.get_token(),
                [&]() NO_THREAD_SAFETY_ANALYSIS { return record_.committed; });
  held_for_ += clock_.monotonic() - holding_since_.value_or(clock_.monotonic());
  holding_since_.reset();
  record_.view.waiting_on.clear();
  record_.view.waiting_since.reset();
}

Result<bool> Operation::accept_commit() {
  const OperationView& view = settled_ && !announced_ ? ended_view_ : record_.view;
  if (!record_.hold) {
    return fail(ErrorCode::operation_not_held,
                fmt::format("operation {} is no restore that waits for a commit", id_.value));
  }
  const bool succeeded = view.state == OperationState::succeeded;
  if ((settled_ && !succeeded) || (!settled_ && (record_.cancel_asked || overdue_))) {
    return fail(
        ErrorCode::operation_ended,
        fmt::format("restore {} has ended, or was told to end, without its swap", id_.value));
  }
  return !settled_ && !record_.committed;
}

Result<OperationView> Operation::commit() {
  const MutexLock recording(recording_);
  registry::OperationRecord record;
  {
    const MutexLock lock(mutex_);
    RESTORED_TRY(const bool news, accept_commit());
    if (!news) return settled_ && !announced_ ? ended_view_ : view_locked();
    committing_ = true;
    record = record_locked();
    record.committed = true;
  }
  // Before the answer: a restart goes on to the swap.
  const Result<void> recorded = registry_.put_operation(record);
  OperationView view;
  {
    const MutexLock lock(mutex_);
    committing_ = false;
    if (!recorded) return std::unexpected(recorded.error());
    record_.committed = true;
    record_.view.updated_at = clock_.wall();
    view = view_locked();
  }
  changed_.notify_all();
  return view;
}

}  // namespace restored::restore
