// Histories for the checker's own tests: written down by hand, or made by a simulated database.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "history.h"

namespace restored::history {

inline Step get(std::string key, Value answer) {
  return {Step::Kind::read, std::move(key), {}, std::move(answer)};
}
inline Step set(std::string key, std::string value) {
  return {Step::Kind::write, std::move(key), std::move(value), {}};
}
inline Step set_nx(std::string key, std::string value, bool done) {
  return {Step::Kind::write_if_absent, std::move(key), std::move(value),
          done ? Value("OK") : Value()};
}
inline Step getdel(std::string key, Value answer) {
  return {Step::Kind::remove, std::move(key), {}, std::move(answer)};
}
inline Step incr(std::string key, int answer) {
  return {Step::Kind::increment, std::move(key), {}, std::to_string(answer)};
}
inline Step named(std::string key) {
  return {Step::Kind::present, std::move(key), {}, {}};
}
inline Step dbsize(int answer) {
  return {Step::Kind::count, {}, {}, std::to_string(answer)};
}

// Written in the order of the clients' operations.
class HandMade {
 public:
  explicit HandMade(Content initial) { history_.initial = std::move(initial); }

  HandMade& operation(std::size_t client, Moment invoked, Moment returned, std::vector<Step> steps,
                      Operation::Role role = Operation::Role::command,
                      std::vector<std::string> keys = {});
  HandMade& lost(std::size_t client, Moment invoked, std::vector<Step> steps) {
    return operation(client, invoked, never, std::move(steps));
  }
  HandMade& watch(std::size_t client, Moment invoked, Moment returned,
                  std::vector<std::string> keys) {
    return operation(client, invoked, returned, {}, Operation::Role::watch, std::move(keys));
  }
  HandMade& restore(Moment invoked, Moment returned, Content content);
  HandMade& undo(Moment invoked, Moment returned);

  History& history() { return history_; }
  const History& history() const { return history_; }

 private:
  History history_;
  std::vector<std::size_t> counts_;  // operations, by client
};

struct Simulation {
  std::uint64_t seed = 1;
  std::size_t clients = 6;
  std::size_t operations = 2'000;  // of all clients
  std::size_t swaps = 4;
  std::size_t registers = 6;  // keys that are written and read
  std::size_t flags = 4;      // keys that come and go
  std::size_t counters = 2;
  bool answers_get_lost = true;
  bool scans = true;
};

// One that the database's promises allow: each operation was run at one instant between its
// moments.
History simulate(const Simulation& simulation);

// Whether some order explains the history, by trying all of them. For a handful of operations.
// Shares nothing with the checker but the types of history.h.
bool some_order_explains(const History& history);

}  // namespace restored::history
