// A restore that holds before its swap: until its commit, or for as long as it may.
#include <fmt/format.h>

#include <algorithm>
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

// The wall clock may be set while it holds; what it said of a time without an agent is believed.
bool Operation::expired_locked() const {
  return !record_.committed && record_.view.held_until && clock_.monotonic() >= hold_over_;
}

// A stop while it works takes nothing from the attempts of one that holds: who stops and starts the
// agent often would lose a commit that was answered. That of one which is held gives hold() back.
Result<void> Operation::take_back_attempt() {
  const MutexLock recording(recording_);
  registry::OperationRecord record;
  {
    const MutexLock lock(mutex_);
    const bool is_held = record_.view.phase == Phase::staged && !record_.committed;
    if (!record_.hold || is_held || attempt_held_ || record_.view.attempts == 0) return {};
    record = record_locked();
  }
  --record.view.attempts;
  return registry_.put_operation(record);
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
    if (!view.held_until) {
      view.held_until = now + static_cast<UnixMillis>(seconds) * 1000;
      hold_over_ = clock_.monotonic() + std::chrono::seconds(seconds);
    } else {
      // The wall clock may have been ahead when it began to hold.
      const auto most = clock_.monotonic() + std::chrono::seconds(seconds);
      hold_over_ = std::min(hold_over_, most);
      *view.held_until = std::min(*view.held_until, now + static_cast<UnixMillis>(seconds) * 1000);
    }
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
  const bool ends = record_.cancel_asked || overdue_ || expired_locked();
  if ((settled_ && !succeeded) || (!settled_ && ends)) {
    return fail(
        ErrorCode::operation_ended,
        fmt::format("restore {} has ended, or was told to end, without its swap", id_.value));
  }
  return !settled_ && !record_.committed;
}

Result<OperationView> Operation::commit() {
  end_if_overdue(0);  // nobody may have looked at the clock since its time was over
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
