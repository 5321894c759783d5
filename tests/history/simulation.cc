// A database in memory with clients that take random time: what it answers is right by
// construction.
#include <algorithm>
#include <queue>
#include <random>
#include <set>

#include "made_history.h"

namespace restored::history {
namespace {

using Role = Operation::Role;

class Simulator {
 public:
  explicit Simulator(const Simulation& options) : options_(options), random_(options.seed) {}

  History run() {
    for (std::size_t i = 0; i < options_.registers; ++i) keys_.push_back("r" + std::to_string(i));
    for (std::size_t i = 0; i < options_.flags; ++i) keys_.push_back("f" + std::to_string(i));
    for (std::size_t i = 0; i < options_.counters; ++i) keys_.push_back("c" + std::to_string(i));
    history_.initial = live_ = content();
    for (std::size_t i = 0; i < options_.clients; ++i) begin_client(0);
    const Moment gap = static_cast<Moment>(20 * options_.operations / options_.clients);
    next_swap_ = plan_swap(gap);
    while (history_.operations.size() < options_.operations) {
      const Turn turn = turns_.top();
      if (history_.swaps.size() < options_.swaps && next_swap_ < turn.instant) {
        swap(gap / static_cast<Moment>(options_.swaps + 1));
        continue;
      }
      turns_.pop();
      act(turn.client, turn.instant);
    }
    // Which may have happened behind the last operation.
    while (history_.swaps.size() < options_.swaps) swap(100);
    return std::move(history_);
  }

 private:
  struct Turn {
    Moment instant;
    std::size_t client;
    bool operator<(const Turn& other) const {
      return std::pair(instant, client) > std::pair(other.instant, other.client);  // earliest first
    }
  };
  struct Client {
    Moment invoked = 0;
    std::size_t operations = 0;
    std::vector<std::string> watched;
    bool undisturbed = false;
    std::string cursor;  // of a scan: the last key
    bool scanning = false;
    std::vector<std::string> named;
  };

  std::size_t dice(std::size_t sides) { return random_() % sides; }
  Moment delay(std::size_t most) { return 1 + static_cast<Moment>(dice(most)); }
  std::string fresh() { return "v" + std::to_string(++values_); }
  std::string any_key() { return keys_[dice(keys_.size())]; }
  std::string any_register() { return keys_[dice(options_.registers)]; }
  std::string any_flag() { return keys_[options_.registers + dice(options_.flags)]; }
  std::string any_counter() {
    return keys_[options_.registers + options_.flags + dice(options_.counters)];
  }

  Content content() {
    Content content;
    for (const std::string& key : keys_) {
      if (key[0] == 'c') {
        content[key] = std::to_string(100 * dice(50));
      } else if (dice(3) != 0) {
        content[key] = fresh();
      }
    }
    return content;
  }

  void begin_client(Moment now) {
    clients_.emplace_back();
    begin_operation(clients_.size() - 1, now);
  }
  void begin_operation(std::size_t client, Moment now) {
    clients_[client].invoked = now + delay(6);
    turns_.push({clients_[client].invoked + delay(12), client});
  }

  Moment plan_swap(Moment gap) {
    return last_swap_end_ + 40 + gap / static_cast<Moment>(options_.swaps + 1);
  }
  void swap(Moment gap) {
    const Moment instant = std::max(next_swap_, last_swap_end_ + 2);
    Swap swap;
    swap.invoked = std::max(last_swap_end_ + 1, instant - delay(30));
    swap.returned = instant + delay(30);
    swap.undo = !history_.swaps.empty() && dice(2) == 0;
    swap.name = (swap.undo ? "undo " : "restore ") + std::to_string(history_.swaps.size() + 1);
    if (!swap.undo) swap.content = content();
    Content old = std::exchange(live_, swap.undo ? previous_ : swap.content);
    previous_ = std::move(old);
    for (Client& client : clients_) client.undisturbed = false;
    last_swap_end_ = swap.returned;
    next_swap_ = last_swap_end_ + 32 + gap;
    history_.swaps.push_back(std::move(swap));
  }

  void act(std::size_t index, Moment instant) {
    Client& client = clients_[index];
    Operation operation;
    operation.client = index;
    operation.index = client.operations++;
    operation.invoked = client.invoked;
    operation.returned = instant + delay(12);
    const bool plain = client.watched.empty() && !client.scanning;
    const bool lost = options_.answers_get_lost && plain && dice(200) == 0;
    const Content before = lost ? live_ : Content();
    if (client.scanning) {
      page(client, operation);
    } else if (!client.watched.empty()) {
      end_watched(client, operation);
    } else {
      begin_something(client, operation);
    }
    if (lost && operation.role == Role::command) {
      operation.returned = never;
      if (dice(2) == 0) live_ = before;  // it did not happen
      for (Step& step : operation.steps) step.answer.reset();
      history_.operations.push_back(std::move(operation));
      return begin_client(instant);
    }
    const Moment now = operation.returned;
    history_.operations.push_back(std::move(operation));
    begin_operation(index, now);
  }

  void begin_something(Client& client, Operation& operation) {
    const std::size_t choice = dice(options_.scans ? 12 : 11);
    if (choice < 8) {
      const std::size_t steps = choice == 7 ? 1 + dice(3) : 1;
      for (std::size_t i = 0; i < steps; ++i) operation.steps.push_back(run(dice(7)));
    } else if (choice == 8) {
      for (int i = 0; i < 3; ++i) operation.steps.push_back(run(0));
    } else if (choice == 9) {
      for (int i = 0; i < 2; ++i) operation.steps.push_back(run(1));
    } else if (choice == 10) {
      operation.role = Role::watch;
      operation.keys = client.watched = {any_register()};
      client.undisturbed = true;
    } else {
      client.cursor.clear();
      client.named.clear();
      page(client, operation);
    }
  }

  Step run(std::size_t choice) {
    const auto value = [this](const std::string& key) {
      const auto found = live_.find(key);
      return found == live_.end() ? Value() : Value(found->second);
    };
    if (choice == 0) {
      const std::string key = any_key();
      return get(key, value(key));
    }
    if (choice == 3) {
      Step step = set_nx(any_flag(), fresh(), false);
      if (live_.contains(step.key)) return step;
      step.answer = "OK";
      put(step.key, step.written);
      return step;
    }
    if (choice == 4) {
      const std::string key = any_flag();
      Step step = getdel(key, value(key));
      if (step.answer) disturb(key);
      live_.erase(key);
      return step;
    }
    if (choice == 5) {
      const std::string key = any_counter();
      const int next = std::stoi(value(key).value_or("0")) + 1;
      put(key, std::to_string(next));
      return incr(key, next);
    }
    if (choice == 6) return dbsize(static_cast<int>(live_.size()));
    Step step = set(any_register(), fresh());
    put(step.key, step.written);
    return step;
  }

  void put(const std::string& key, const std::string& value) {
    live_[key] = value;
    disturb(key);
  }
  void disturb(const std::string& key) {
    for (Client& client : clients_) {
      if (std::ranges::find(client.watched, key) != client.watched.end()) {
        client.undisturbed = false;
      }
    }
  }

  void end_watched(Client& client, Operation& operation) {
    operation.role = client.undisturbed ? Role::guarded : Role::aborted;
    client.watched.clear();
    if (operation.role == Role::aborted) return;
    operation.steps.push_back(run(0));
    operation.steps.push_back(run(1));
  }

  void page(Client& client, Operation& operation) {
    const bool first = !client.scanning;
    auto key = live_.upper_bound(client.cursor);
    for (int i = 0; i < 4 && key != live_.end(); ++i, ++key) {
      operation.steps.push_back(named(key->first));
      client.named.push_back(key->first);
      client.cursor = key->first;
    }
    client.scanning = key != live_.end();
    operation.role = client.scanning ? (first ? Role::first_page : Role::middle_page)
                                     : (first ? Role::only_page : Role::last_page);
    if (!client.scanning) operation.keys = client.named;
  }

  const Simulation options_;
  std::mt19937_64 random_;
  std::vector<std::string> keys_;
  std::vector<Client> clients_;
  std::priority_queue<Turn> turns_;
  Content live_;
  Content previous_;
  Moment next_swap_ = 0;
  Moment last_swap_end_ = 0;
  std::size_t values_ = 0;
  History history_;
};

}  // namespace

History simulate(const Simulation& simulation) {
  return Simulator(simulation).run();
}

}  // namespace restored::history
