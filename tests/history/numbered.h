// A history with its keys and values as numbers, for checks that copy the state of a database
// often.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "history.h"

namespace restored::history {

inline constexpr std::size_t keys_max = 256;
using KeySet = std::bitset<keys_max>;
using KeyIndex = std::uint32_t;
using ValueIndex = std::uint32_t;
inline constexpr ValueIndex absent = 0;

// Every text once. Numbers are found by their value too, for INCR.
class Values {
 public:
  Values() { texts_.emplace_back(); }
  ValueIndex index(const Value& value);
  ValueIndex index(std::int64_t number) { return index(Value(std::to_string(number))); }
  Value text(ValueIndex value) const;
  std::optional<std::int64_t> number(ValueIndex value) const;

 private:
  std::vector<std::string> texts_;
  std::unordered_map<std::string, ValueIndex> indexes_;
};

struct NumberedStep {
  Step::Kind kind;
  KeyIndex key = 0;
  ValueIndex written = absent;
  ValueIndex answer = absent;
};

struct NumberedOperation {
  const Operation* operation = nullptr;
  std::vector<NumberedStep> steps;
  KeySet reads;  // what its answer depends on
  KeySet writes;
  KeySet removes;  // of `writes`: what it may leave absent
  bool whole_scope =
      false;               // its answer depends on which keys there are: DBSIZE, the ends of a SCAN
  KeySet keys;             // WATCH, EXEC after it: the watched keys; end of a SCAN: the named keys
  Moment watched = never;  // EXEC after a WATCH: when that was invoked
  bool answered() const { return operation->answered(); }
  bool read_only() const { return writes.none() && operation->role != Operation::Role::watch; }
};

struct NumberedSwap {
  const Swap* swap = nullptr;
  std::vector<ValueIndex> content;  // by key; empty for an undo
};

struct NumberedHistory {
  std::vector<std::string> keys;
  Values values;
  std::vector<ValueIndex> initial;
  std::vector<NumberedOperation> operations;  // by their invocation
  std::vector<NumberedSwap> swaps;
  // Of each epoch (before the first swap, after it, ...) the generation that is live: an undo
  // brings one back.
  std::vector<std::size_t> generation;
  std::vector<std::size_t> origin;  // of each generation: the epoch that it began in
  std::size_t clients = 0;
};

// Without the operations that read only and whose answer was lost: they tell nothing.
NumberedHistory number(const History& history);

}  // namespace restored::history
