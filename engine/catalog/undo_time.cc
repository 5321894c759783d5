#include "catalog/undo_time.h"

#include <algorithm>

namespace restored::catalog {

UndoTime UndoTime::of_swap(const Clock& clock, std::uint64_t seconds) {
  const std::chrono::seconds all(seconds);
  const Time end = clock.monotonic() + all;
  return {clock.wall() + std::chrono::milliseconds(all).count(), end, end};
}

UndoTime UndoTime::at_opening(const Clock& clock, UnixMillis until, std::uint64_t seconds) {
  using std::chrono::milliseconds;
  // Nobody waits longer than about three centuries, which is what the clock can tell.
  const milliseconds longest = std::chrono::hours(24 * 365 * 200);
  const milliseconds all = seconds == 0 ? longest : std::chrono::seconds(seconds);
  // The clock may have been ahead at the swap, or be behind now.
  const milliseconds left = std::clamp(milliseconds(until - clock.wall()), milliseconds(0), all);
  const milliseconds again = std::min<milliseconds>(undo_time_checked_again, all);
  const Time now = clock.monotonic();
  const milliseconds asked = std::max(left, again);
  return {until, now + asked, now + std::max(asked, all)};
}

bool UndoTime::over(const Clock& clock) const {
  const Time now = clock.monotonic();
  return now >= over_ || (now >= asked_ && clock.wall() >= until_);
}

}  // namespace restored::catalog
