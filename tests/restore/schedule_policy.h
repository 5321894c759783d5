// A schedule for tests: daily, and due when a test says so, whatever the time of the day is.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "restored/schedule.h"

namespace restored::test {

// Runs are due that long from now, and a day after each.
inline BackupPolicy due_in(std::chrono::seconds wait, const Clock& clock = system_clock()) {
  BackupPolicy policy;
  const UnixMillis at = clock.wall() / 1000 + wait.count();
  policy.at_seconds = static_cast<std::uint64_t>(at) % (24 * 3600);
  policy.spread_seconds = 0;
  return policy;
}

}  // namespace restored::test
