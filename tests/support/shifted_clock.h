// A clock that runs as the system's, ahead of it by as much as a test says.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <atomic>
#include <chrono>

#include "base/clock.h"

namespace restored::test {

class ShiftedClock final : public Clock {
 public:
  void advance(std::chrono::milliseconds time) { ahead_.fetch_add(time.count()); }
  // Somebody sets the clock: forwards, or back. Time itself goes on as it did.
  void set_wall(std::chrono::milliseconds by) { wall_set_.fetch_add(by.count()); }

  UnixMillis wall() const override {
    return system_clock().wall() + ahead_.load() + wall_set_.load();
  }
  std::chrono::steady_clock::time_point monotonic() const override {
    return system_clock().monotonic() + std::chrono::milliseconds(ahead_.load());
  }

 private:
  std::atomic<std::int64_t> ahead_ = 0;
  std::atomic<std::int64_t> wall_set_ = 0;
};

}  // namespace restored::test
