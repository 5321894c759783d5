// What the clients of one database did and were told, and when, while its content was replaced.
//
// All moments are of one steady clock. An operation happens at one instant between its moments, all
// of its steps at once; a swap happens at one instant between its own. Nothing here judges:
// checker.h does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace restored::history {

using Moment = std::int64_t;  // nanoseconds
inline constexpr Moment never = std::numeric_limits<Moment>::max();

using Value = std::optional<std::string>;  // nothing: there is no such key
using Content = std::map<std::string, std::string>;

// What an operation did to one key, and what it was told about it.
struct Step {
  enum class Kind : std::uint8_t {
    read,             // GET, a key of MGET; answer: the value, or nothing
    write,            // SET, a pair of MSET
    write_if_absent,  // SET NX; answer: "OK", or nothing when it was refused
    remove,           // GETDEL; answer: the value, or nothing
    increment,        // INCR; answer: the new number
    present,          // a key that a page of SCAN named
    count,            // DBSIZE, `key` is empty; answer: the number of keys
  };
  Kind kind = Kind::read;
  std::string key;
  std::string written = {};
  Value answer = {};
};

struct Operation {
  enum class Role : std::uint8_t {
    command,      // also MULTI to EXEC: the steps of an EXEC that was answered
    watch,        // WATCH of `keys`, no steps
    guarded,      // an EXEC after a WATCH that was done
    aborted,      // an EXEC after a WATCH that was refused, no steps
    first_page,   // of a SCAN with more pages
    middle_page,  //
    last_page,    // `keys` are those that all of the scan's pages named
    only_page,    // first and last at once
  };

  std::size_t client = 0;  // one after the other; who connects again is another client
  std::size_t index = 0;   // among the operations of its client
  Role role = Role::command;
  Moment invoked = 0;
  Moment returned = never;  // never: its answer was lost, it happened later or not at all
  std::vector<Step> steps = {};
  std::vector<std::string> keys = {};
  std::string error = {};  // when that was the answer

  bool answered() const { return returned != never; }
};

// A restore, an undo or a FLUSHALL that succeeded.
struct Swap {
  std::string name;
  Moment invoked = 0;
  Moment returned = 0;
  bool undo = false;     // what was live before the last swap is live again, as it was left
  Content content = {};  // else: what is live after it
};

struct History {
  Content initial;  // before the first operation
  std::vector<Operation> operations;
  std::vector<Swap> swaps;  // one after the other
};

std::string name(const Operation& operation);   // "c3#17"
std::string print(const Value& value);          // "\"text\"", "nothing"
std::string print(const Step& step);            // "GETDEL a -> \"x\""
std::string print(const Operation& operation);  // its name, its times in microseconds, its steps

}  // namespace restored::history
