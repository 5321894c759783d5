// Turns for large reads, as many at once as make them fastest (limit_search.h says how many), in
// order of arrival.
// Threading: all methods may be called from any thread at once. Outlives its turns.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <stop_token>

#include "base/clock.h"
#include "base/mutex.h"
#include "restored/error.h"
#include "restored/object_store.h"
#include "store/limit_search.h"

namespace restored::store {

class AdaptiveLimit final : public ReadTurns {
 public:
  AdaptiveLimit(unsigned begin, unsigned max, const Clock& clock = system_clock());
  ~AdaptiveLimit() override;
  AdaptiveLimit(const AdaptiveLimit&) = delete;
  AdaptiveLimit& operator=(const AdaptiveLimit&) = delete;

  // Waits for a turn. Errors: cancelled.
  Result<ReadTurn> take(std::stop_token stop);
  void end_turn() noexcept override;

  // So many bytes more have arrived. Cheap: once per received piece.
  void note_bytes(std::uint64_t bytes) { arrived_.fetch_add(bytes, std::memory_order_relaxed); }
  // The store asked for less: 503, 429.
  void note_throttled();

  unsigned current() const;
  unsigned in_use() const;
  unsigned waiting() const;

 private:
  struct Waiter {
    ConditionVariable granted_or_stopped;
    bool granted = false;
  };

  void grant() REQUIRES_LOCK(mutex_);
  std::uint64_t arrived() const { return arrived_.load(std::memory_order_relaxed); }

  const Clock& clock_;
  std::atomic<std::uint64_t> arrived_{0};  // relaxed: a counter, read for its value alone
  mutable Mutex mutex_;
  LimitSearch search_ GUARDED_BY(mutex_);
  unsigned in_use_ GUARDED_BY(mutex_) = 0;
  std::list<Waiter*> waiting_ GUARDED_BY(mutex_);  // on the stacks of who waits
};

}  // namespace restored::store
