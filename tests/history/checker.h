// Decides whether some order explains a history: every operation at one instant between its
// beginning and its end, all of its steps at once, every swap at one instant for the whole
// database, and every answer that of this order. An operation whose answer was lost happened at any
// time after its beginning, or not at all. An error is never an explanation.
//
// How. numbered.h makes numbers of the texts. sides.h narrows, from unique values, where the swaps
// stood and on which side of them each operation. search.h then decides exactly.
//
// Complete: but for what follows, a history is refused if and only if there is no such order.
// Operations on several keys are judged whole, not key by key (checker_oracle_test.cc compares with
// plain enumeration). Values need not be unique, but unique ones say more and keep the search
// short. It is exponential in what is open at once, and gives up (`undecided`) rather than guess.
//
// A refused EXEC only needs a write to a watched key, or a swap, that may have come between WATCH
// and EXEC by the clock: a server may refuse more than it must. A WATCH holds across a restore that
// was undone when its client saw nothing of it.
//
// A page of SCAN is one instant, at which all the keys that it names were there. A whole scan names
// what was there from the instant of its first page to that of its last one. Its pages may stand on
// both sides of a swap, because a cursor survives it. A scan that was not finished misses nothing.
//
// Expiry, and keys that are in no content and in no operation, are not modelled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "history.h"

namespace restored::history {

struct Verdict {
  enum class Kind : std::uint8_t { explained, refused, undecided };
  Kind kind = Kind::undecided;
  std::string message;              // of what is not explained: names the operations
  std::vector<Moment> swap_widths;  // how closely the values tell when each swap was
  std::size_t states = 0;           // that were possible at once, at most

  bool explained() const { return kind == Kind::explained; }
};

// REQUIRES: operations of one client, and swaps, follow one another; an undo follows a swap; at
// most keys_max keys and swaps_max swaps.
Verdict check(const History& history);

}  // namespace restored::history
