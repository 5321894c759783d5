// One state that the database can be in, and what operations do to it.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "sides.h"

namespace restored::history {

using Slots = std::uint64_t;  // of operations that have begun and not ended
inline constexpr std::size_t slots_max = 64;

struct State {
  std::vector<ValueIndex> values;                           // by key
  std::shared_ptr<const std::vector<ValueIndex>> previous;  // what an undo brings back
  std::size_t epoch = 0;
  Slots done = 0;                     // of those whose answer comes
  Slots done_unasked = 0;             // of those whose answer was lost
  std::vector<std::int16_t> watches;  // by client: the generation, or one of the next two
  std::unordered_map<std::size_t, KeySet> absent_in_scan;  // by client: missing at some instant

  static constexpr std::int16_t watches_nothing = -1;
  static constexpr std::int16_t disturbed = -2;

  // For the message only, no part of what the state is: who changed a key last.
  std::vector<const NumberedOperation*> changed_by;
  std::vector<const NumberedOperation*> previous_changed_by;

  Slots happened() const { return done | done_unasked; }
  // Of what `covers` does not compare.
  std::uint64_t hash() const;
  // Whatever explains the rest of the history from the other one explains it from here: the same,
  // but for less done that nobody asked for (it need not happen), fewer watches disturbed (a
  // refused EXEC is not judged here) and more keys that an unfinished scan need not name.
  bool covers(const State& other) const;
};

// States that no other one of them covers, in the order they came.
class StateSet {
 public:
  bool add(State state);  // false: one that is here covers it
  // Drops those that a later one covers.
  void prune();
  std::size_t size() const { return states_.size(); }
  bool empty() const { return states_.empty(); }
  const State& operator[](std::size_t i) const { return states_[i]; }
  const std::vector<State>& all() const { return states_; }

 private:
  std::vector<State> states_;
  std::unordered_multimap<std::uint64_t, std::size_t> by_hash_;
};

class Machine {
 public:
  Machine(NumberedHistory& history, const Sides& sides) : history_(history), sides_(sides) {}

  State initial() const;
  // From here on this is what the client watches.
  void watching(const NumberedOperation& watch);
  // Lets the operation, or the next swap, happen. False: not with its answer, or not on this side
  // of the swaps; `state` is of no use then.
  bool happen(std::size_t operation, State& state);
  bool swap(std::size_t index, State& state) const;

 private:
  bool take(const NumberedOperation& operation, const NumberedStep& step, State& state);
  void put(const NumberedOperation& operation, KeyIndex key, ValueIndex value, State& state) const;
  bool page(const NumberedOperation& operation, State& state) const;

  NumberedHistory& history_;
  const Sides& sides_;
  std::unordered_map<std::size_t, KeySet> watched_;  // by client
};

}  // namespace restored::history
