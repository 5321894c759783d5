#include "store/adaptive_limit.h"

#include <utility>

#include "base/check.h"

namespace restored::store {

AdaptiveLimit::AdaptiveLimit(unsigned begin, unsigned max, const Clock& clock)
    : clock_(clock), search_(begin, max, clock.monotonic()) {}

AdaptiveLimit::~AdaptiveLimit() {
  const MutexLock lock(mutex_);
  RESTORED_CHECK(in_use_ == 0 && waiting_.empty(), "the limit outlives its turns");
}

Result<ReadTurn> AdaptiveLimit::take(std::stop_token stop) {
  if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
  const MutexLock lock(mutex_);
  Waiter waiter;
  const auto place = waiting_.insert(waiting_.end(), &waiter);
  grant();
  if (waiter.granted) return ReadTurn(*this);
  waiter.granted_or_stopped.wait(mutex_, std::move(stop),
                                 [&]() NO_THREAD_SAFETY_ANALYSIS { return waiter.granted; });
  if (waiter.granted) return ReadTurn(*this);
  waiting_.erase(place);
  search_.note(clock_.monotonic(), in_use_, static_cast<unsigned>(waiting_.size()), arrived());
  return fail(ErrorCode::cancelled, "stopped while it waited for its turn to read");
}

void AdaptiveLimit::end_turn() noexcept {
  const MutexLock lock(mutex_);
  RESTORED_CHECK(in_use_ > 0, "a turn ends once");
  --in_use_;
  search_.note_end(clock_.monotonic(), arrived());
  grant();
}

void AdaptiveLimit::note_throttled() {
  const MutexLock lock(mutex_);
  search_.note_throttled(clock_.monotonic(), arrived());
}

void AdaptiveLimit::grant() {
  while (in_use_ < search_.limit() && !waiting_.empty()) {
    Waiter* waiter = waiting_.front();
    waiting_.pop_front();
    ++in_use_;
    waiter->granted = true;
    waiter->granted_or_stopped.notify_one();
  }
  search_.note(clock_.monotonic(), in_use_, static_cast<unsigned>(waiting_.size()), arrived());
}

unsigned AdaptiveLimit::current() const {
  const MutexLock lock(mutex_);
  return search_.limit();
}

unsigned AdaptiveLimit::waiting() const {
  const MutexLock lock(mutex_);
  return static_cast<unsigned>(waiting_.size());
}

unsigned AdaptiveLimit::in_use() const {
  const MutexLock lock(mutex_);
  return in_use_;
}

}  // namespace restored::store
