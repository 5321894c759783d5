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

// Exactly these digits from the text's front.
std::optional<unsigned> take_digits(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  unsigned number = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  text.remove_prefix(digits);
  return number;
}

// And then this, which follows them.
std::optional<unsigned> take_number(std::string_view& text, std::size_t digits, char separator) {
  const auto number = take_digits(text, digits);
  if (!number || !text.starts_with(separator)) return std::nullopt;
  text.remove_prefix(1);
  return number;
}

// "", or a fraction of a second with its point: ".5", ".123456".
std::optional<unsigned> take_milliseconds(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  unsigned millis = 0;
  unsigned unit = 100;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    millis += static_cast<unsigned>(text[digits] - '0') * unit;
    unit /= 10;
  }
  text.remove_prefix(digits);
  if (digits == 0) return std::nullopt;
  return millis;
}

// "Z", "+02:00" or "-11:30": how far the time is ahead of UTC. "-00:00" is UTC too (RFC 3339, 4.3).
std::optional<std::chrono::minutes> offset_of(std::string_view text) {
  using std::chrono::minutes;
  if (text == "Z") return minutes(0);
  const bool ahead = text.starts_with('+');
  if (!ahead && !text.starts_with('-')) return std::nullopt;
  text.remove_prefix(1);
  const auto hour = take_number(text, 2, ':');
  const auto minute = take_digits(text, 2);
  if (!hour || !minute || !text.empty() || *hour > 23 || *minute > 59) return std::nullopt;
  const minutes offset(static_cast<int>(*hour * 60 + *minute));
  return ahead ? offset : -offset;
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
  const auto year = take_number(text, 4, '-');
  const auto month = take_number(text, 2, '-');
  const auto day = take_number(text, 2, 'T');
  const auto hour = take_number(text, 2, ':');
  const auto minute = take_number(text, 2, ':');
  const auto second = take_digits(text, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const auto millis = take_milliseconds(text);
  const auto offset = offset_of(text);
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  // A leap second is the first of the next minute to us.
  if (!millis || !offset || !date.ok() || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  const std::chrono::sys_time<std::chrono::milliseconds> instant =
      std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
      std::chrono::seconds(*second) + std::chrono::milliseconds(*millis) - *offset;
  const UnixMillis time = instant.time_since_epoch().count();
  if (time < iso_begin || time > iso_end) return std::nullopt;
  return time;
}

}  // namespace restored
