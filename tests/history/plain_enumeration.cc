// The slow judge: tries every order that the clock allows, one step after the other.
#include <algorithm>
#include <map>
#include <set>

#include "made_history.h"

namespace restored::history {
namespace {

using Role = Operation::Role;

struct Watching {
  std::vector<std::string> keys;
  bool disturbed = false;
  std::size_t generation = 0;
};

struct Database {
  Content live;
  Content previous;
  std::size_t generation = 0;
  std::size_t previous_generation = 0;
  std::size_t generations = 1;
  std::map<std::size_t, Watching> watching;
  std::map<std::size_t, std::set<std::string>> always_there;  // since a scan's first page
};

void touch(Database& database, const std::string& key) {
  for (auto& [client, watching] : database.watching) {
    if (std::ranges::find(watching.keys, key) != watching.keys.end()) watching.disturbed = true;
  }
}

void put(Database& database, const std::string& key, const std::string& value) {
  database.live[key] = value;
  touch(database, key);
}

void erase(Database& database, const std::string& key) {
  if (database.live.erase(key) == 0) return;
  touch(database, key);
  for (auto& [client, keys] : database.always_there) keys.erase(key);
}

bool run(Database& database, const Step& step, bool answered) {
  const auto found = database.live.find(step.key);
  const Value value = found == database.live.end() ? Value() : Value(found->second);
  Value answer;
  switch (step.kind) {
    case Step::Kind::read:
      answer = value;
      break;
    case Step::Kind::write:
      put(database, step.key, step.written);
      return true;
    case Step::Kind::write_if_absent:
      if (!value) answer = "OK";
      if (!value) put(database, step.key, step.written);
      break;
    case Step::Kind::remove:
      answer = value;
      erase(database, step.key);
      break;
    case Step::Kind::increment:
      answer = std::to_string(std::stoll(value.value_or("0")) + 1);
      put(database, step.key, *answer);
      break;
    case Step::Kind::present:
      return !answered || value.has_value();
    case Step::Kind::count:
      answer = std::to_string(database.live.size());
      break;
  }
  return !answered || answer == step.answer;
}

bool run(Database& database, const Operation& operation) {
  const auto watching = database.watching.find(operation.client);
  if (watching != database.watching.end() && watching->second.generation != database.generation) {
    watching->second.disturbed = true;
  }
  if (operation.role == Role::watch) {
    database.watching[operation.client] = {operation.keys, false, database.generation};
    return true;
  }
  if (operation.role == Role::guarded || operation.role == Role::aborted) {
    const bool disturbed = watching != database.watching.end() && watching->second.disturbed;
    database.watching.erase(operation.client);
    if (operation.role == Role::aborted) return true;
    if (disturbed) return false;
  }
  for (const Step& step : operation.steps) {
    if (!run(database, step, operation.answered())) return false;
  }
  std::set<std::string> there;
  for (const auto& [key, value] : database.live) there.insert(key);
  if (operation.role == Role::first_page) database.always_there[operation.client] = there;
  if (operation.role == Role::only_page) database.always_there[operation.client] = there;
  if (operation.role == Role::only_page || operation.role == Role::last_page) {
    for (const std::string& key : database.always_there[operation.client]) {
      if (std::ranges::find(operation.keys, key) == operation.keys.end()) return false;
    }
    database.always_there.erase(operation.client);
  }
  return true;
}

void run(Database& database, const Swap& swap) {
  std::swap(database.live, database.previous);
  std::swap(database.generation, database.previous_generation);
  if (!swap.undo) {
    database.live = swap.content;
    database.generation = database.generations++;
  }
  for (auto& [client, keys] : database.always_there) {
    std::erase_if(keys, [&](const std::string& key) { return !database.live.contains(key); });
  }
}

class Enumeration {
 public:
  explicit Enumeration(const History& history)
      : history_(history), done_(history.operations.size() + history.swaps.size(), false) {}

  bool explain(const Database& database) {
    bool finished = true;
    Moment first_end = never;  // nothing that begins later can be next
    for (std::size_t i = 0; i < done_.size(); ++i) {
      if (done_[i] || returned(i) == never) continue;
      finished = false;
      first_end = std::min(first_end, returned(i));
    }
    if (finished) return true;
    for (std::size_t i = 0; i < done_.size(); ++i) {
      if (done_[i] || invoked(i) > first_end) continue;
      Database next = database;
      if (!happen(next, i)) continue;
      done_[i] = true;
      if (explain(next)) return true;
      done_[i] = false;
    }
    return false;
  }

 private:
  std::size_t operations() const { return history_.operations.size(); }
  Moment invoked(std::size_t i) const {
    return i < operations() ? history_.operations[i].invoked
                            : history_.swaps[i - operations()].invoked;
  }
  Moment returned(std::size_t i) const {
    return i < operations() ? history_.operations[i].returned
                            : history_.swaps[i - operations()].returned;
  }
  bool happen(Database& database, std::size_t i) const {
    if (i < operations()) return run(database, history_.operations[i]);
    run(database, history_.swaps[i - operations()]);
    return true;
  }

  const History& history_;
  std::vector<bool> done_;
};

}  // namespace

bool some_order_explains(const History& history) {
  Database database;
  database.live = history.initial;
  return Enumeration(history).explain(database);
}

}  // namespace restored::history
