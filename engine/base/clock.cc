#include "base/clock.h"

#include <fmt/format.h>

#include <algorithm>

namespace restored {
namespace {

class SystemClock final : public Clock {
 public:
  UnixMillis wall() const override {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  }
  std::chrono::steady_clock::time_point monotonic() const override {
    return std::chrono::steady_clock::now();
  }
};

// Years of four digits: 0001-01-01T00:00:00.000Z to 9999-12-31T23:59:59.999Z.
constexpr UnixMillis iso_begin = -62'135'596'800'000;
constexpr UnixMillis iso_end = 253'402'300'799'999;

}  // namespace

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

std::string iso8601(UnixMillis time) {
  using std::chrono::milliseconds;
  const std::chrono::sys_time<milliseconds> instant(
      milliseconds(std::clamp(time, iso_begin, iso_end)));
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<milliseconds> clock(instant - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

}  // namespace restored
