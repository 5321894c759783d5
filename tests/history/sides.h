// Where the swaps stood and on which side of them each operation, from times and values alone.
//
// An operation that was told a value stands in a generation that had the value, with the operation
// that wrote it: behind it, and not behind its own end. A swap then stands behind the beginning of
// whatever is surely before it, and before the end of whatever is surely behind it. Repeated until
// nothing changes. Everything concluded here follows from the answers, so nothing that can be
// explained is refused; what is left open is decided by search.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "numbered.h"

namespace restored::history {

using EpochSet = std::uint64_t;  // bit e: between swap e - 1 and swap e
inline constexpr std::size_t swaps_max = 63;

struct SwapBounds {
  Moment begin = 0;
  Moment end = 0;
  const Operation* before = nullptr;  // why it is not earlier, if that is not the swap's own time
  const Operation* behind = nullptr;  // why it is not later
};

struct Sides {
  std::vector<EpochSet> epochs;  // of each operation
  std::vector<SwapBounds> swaps;
  std::string contradiction;  // names the operations; empty: there is none
};

Sides find_sides(const NumberedHistory& history);

}  // namespace restored::history
