// How long what can be undone is kept. A wall clock may be set, by hand or by a time server that is
// wrong: what has passed while an agent runs is told by the other clock, which only goes on. How
// long nobody ran only the wall clock can tell, and an opening may come before it has been put
// right. It is asked a second time, after a while. Threading: as any value.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace restored::catalog {

// From an opening to the first generation whose time was over before it. Time servers are asked in
// the first minutes of a machine.
inline constexpr std::chrono::seconds undo_time_checked_again{600};

class UndoTime {
 public:
  // All of it, from now on.
  static UndoTime of_swap(const Clock& clock, std::uint64_t seconds);
  // What is left, at an opening, of a time of so many seconds (0: not known), never more than all.
  static UndoTime at_opening(const Clock& clock, UnixMillis until, std::uint64_t seconds);

  bool over(const Clock& clock) const;

 private:
  using Time = std::chrono::steady_clock::time_point;
  UndoTime(UnixMillis until, Time asked, Time over) : until_(until), asked_(asked), over_(over) {}

  UnixMillis until_;
  Time asked_;  // from here on it is over when the wall clock says so
  Time over_;   // whatever that says
};

}  // namespace restored::catalog
