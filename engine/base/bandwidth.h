// A limit on bytes a second that can be changed while it is waited for: a token bucket. Who wants
// to move bytes takes them first, before asking for them, so that an answer that has begun is
// always read at full speed. A take may be larger than what a second allows: it goes into debt, and
// the next one waits that much longer.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <stop_token>

#include "base/clock.h"
#include "base/mutex.h"
#include "restored/error.h"

namespace restored {

class Bandwidth {
 public:
  // bytes_per_second 0: no limit.
  explicit Bandwidth(std::uint64_t bytes_per_second = 0, const Clock& clock = system_clock());

  // Takes effect at once, for those too who wait already.
  void set(std::uint64_t bytes_per_second);
  std::uint64_t get() const;

  // Waits for its turn, in order of arrival, until the debt of those before is paid.
  // Errors: cancelled.
  Result<void> take(std::uint64_t bytes, std::stop_token stop);
  // Counts bytes without a wait: those that come later wait for them.
  void charge(std::uint64_t bytes);

 private:
  using Time = std::chrono::steady_clock::time_point;
  void refill() REQUIRES_LOCK(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::uint64_t bytes_per_second_ GUARDED_BY(mutex_);
  double tokens_ GUARDED_BY(mutex_) = 0;  // negative: debt
  Time refilled_at_ GUARDED_BY(mutex_);
  std::uint64_t next_ticket_ GUARDED_BY(mutex_) = 0;
  std::set<std::uint64_t> waiting_ GUARDED_BY(mutex_);  // tickets; the lowest one's turn it is
};

}  // namespace restored
