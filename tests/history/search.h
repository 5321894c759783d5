// The exact part: walks through a history in the order of its events and keeps every state that
// the database can be in. An operation whose answer is due must have happened in each of them, so
// where it had not it happens now, after whatever sequence of unfinished operations (and swaps) its
// answer may depend on; states in which the answer would have been another one end. No state left:
// the history has no explanation. What commutes is not tried in both orders: an operation that
// reads only happens as soon as its answer is right, and any other one no sooner than something
// that it conflicts with. A state that another one covers (state.h) is not followed.
#pragma once

#include <cstddef>
#include <string>

#include "sides.h"

namespace restored::history {

struct SearchResult {
  bool explained = false;
  bool gave_up = false;    // more states than states_max
  std::string message;     // otherwise: the operation that nothing explains, and those around it
  std::size_t states = 0;  // most at a time
};

inline constexpr std::size_t states_max = 100'000;

// REQUIRES: sides.contradiction is empty.
SearchResult search(NumberedHistory& history, const Sides& sides);

}  // namespace restored::history
