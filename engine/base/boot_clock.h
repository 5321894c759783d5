// A clock for leases: it never jumps, and it goes on while the machine is suspended, which
// std::chrono::steady_clock does not. Threading: any thread.
#pragma once

#include <chrono>
#include <ctime>

namespace restored {

struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept {
    std::timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);  // cannot fail with a clock that Linux has
    return time_point(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
  }
};

}  // namespace restored
