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

// Exactly these digits from the text's front, which then follows `separator`.
std::optional<unsigned> take_number(std::string_view& text, std::size_t digits, char separator) {
  if (text.size() <= digits || text[digits] != separator) return std::nullopt;
  unsigned number = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  text.remove_prefix(digits + 1);
  return number;
}

// "", or a fraction of a second without its point: "5", "123456".
std::optional<unsigned> milliseconds_of(std::string_view digits) {
  unsigned millis = 0;
  unsigned unit = 100;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    millis += static_cast<unsigned>(c - '0') * unit;
    unit /= 10;
  }
  return millis;
}

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

std::optional<UnixMillis> from_iso8601(std::string_view text) {
  if (!text.ends_with('Z')) return std::nullopt;
  const std::size_t point = text.find('.');
  std::string_view fraction;
  if (point != std::string_view::npos) {
    fraction = text.substr(point + 1, text.size() - point - 2);
    if (fraction.empty()) return std::nullopt;
  }
  const auto year = take_number(text, 4, '-');
  const auto month = take_number(text, 2, '-');
  const auto day = take_number(text, 2, 'T');
  const auto hour = take_number(text, 2, ':');
  const auto minute = take_number(text, 2, ':');
  const auto second = take_number(text, 2, point == std::string_view::npos ? 'Z' : '.');
  const auto millis = milliseconds_of(fraction);
  if (!year || !month || !day || !hour || !minute || !second || !millis) return std::nullopt;
  if (point == std::string_view::npos && !text.empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  // A leap second is the first of the next minute to us.
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::chrono::sys_time<std::chrono::milliseconds> instant =
      std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
      std::chrono::seconds(*second) + std::chrono::milliseconds(*millis);
  return instant.time_since_epoch().count();
}

}  // namespace restored
