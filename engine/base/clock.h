// Time comes in through this interface, so that tests can own it.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "restored/units.h"

namespace restored {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual UnixMillis wall() const = 0;                                  // may jump
  virtual std::chrono::steady_clock::time_point monotonic() const = 0;  // never does
};

const Clock& system_clock();

// "2026-11-22T00:56:12.345Z"
std::string iso8601(UnixMillis time);
// "2026-11-22T00:56:12Z" or "2026-11-22T01:56:12+01:00" (RFC 3339), with any number of digits of a
// second (those behind the third are dropped). Nothing: anything else, or a year without 4 digits.
std::optional<UnixMillis> from_iso8601(std::string_view text);

}  // namespace restored
