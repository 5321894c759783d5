#include "load.h"

#include <chrono>
#include <iterator>
#include <random>
#include <utility>

namespace restored::history {
namespace {

constexpr std::size_t registers = 12;
constexpr std::size_t flags = 6;
constexpr std::size_t counters = 3;
// Each stays open in the history for good, and makes it harder to judge.
constexpr std::size_t departures = 8;

std::string register_key(std::size_t i) {
  return "r" + std::to_string(i % registers);
}
std::string flag_key(std::size_t i) {
  return "f" + std::to_string(i % flags);
}
std::string counter_key(std::size_t i) {
  return "c" + std::to_string(i % counters);
}

// Picks what a client does next.
class Whim {
 public:
  Whim(Recorder& recorder, std::uint64_t seed) : recorder_(recorder), random_(seed) {}

  void act() {
    const std::size_t choice = random_() % 100;
    if (choice < 22) {
      recorder_.get(any_key());
    } else if (choice < 38) {
      recorder_.set(register_key(random_()), fresh());
    } else if (choice < 46) {
      recorder_.incr(counter_key(random_()));
    } else if (choice < 56) {
      recorder_.set_nx(flag_key(random_()), fresh());
    } else if (choice < 66) {
      recorder_.getdel(flag_key(random_()));
    } else if (choice < 76) {
      recorder_.mget({any_key(), register_key(random_()), register_key(random_())});
    } else if (choice < 82) {
      const std::size_t first = random_();
      recorder_.mset({register_key(first), register_key(first + 1)}, fresh());
    } else if (choice < 90) {
      recorder_.transaction(steps());
    } else if (choice < 96) {
      const std::string key = register_key(random_());
      recorder_.watched_transaction(
          {key}, {{Step::Kind::read, key, {}, {}}, {Step::Kind::write, key, fresh(), {}}});
    } else if (choice < 98) {
      recorder_.scan(5);
    } else {
      recorder_.dbsize();
    }
  }

 private:
  std::string fresh() {
    return "v" + std::to_string(recorder_.client()) + "-" + std::to_string(++values_);
  }
  std::string any_key() {
    const std::size_t i = random_() % (registers + flags + counters);
    if (i < registers) return register_key(i);
    return i < registers + flags ? flag_key(i) : counter_key(i);
  }
  std::vector<Step> steps() {
    const std::size_t first = random_();
    return {{Step::Kind::read, register_key(first), {}, {}},
            {Step::Kind::write, register_key(first + 1), fresh(), {}},
            {Step::Kind::remove, flag_key(first), {}, {}},
            {Step::Kind::increment, counter_key(first), {}, {}},
            {Step::Kind::write_if_absent, flag_key(first + 1), fresh(), {}},
            {Step::Kind::read, register_key(first + 1), {}, {}}};
  }

  Recorder& recorder_;
  std::mt19937_64 random_;
  std::size_t values_ = 0;
};

}  // namespace

std::vector<std::string> load_keys() {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < registers; ++i) keys.push_back(register_key(i));
  for (std::size_t i = 0; i < flags; ++i) keys.push_back(flag_key(i));
  for (std::size_t i = 0; i < counters; ++i) keys.push_back(counter_key(i));
  return keys;
}

Load::Load(int port, std::string password, std::uint64_t seed, std::size_t clients,
           std::size_t first_client)
    : port_(port),
      password_(std::move(password)),
      clients_(clients),
      first_client_(first_client),
      parts_(clients + 1) {
  for (std::size_t number = 0; number < clients; ++number) {
    threads_.emplace_back([this, number, seed] { work(number, seed * 1000 + number); });
  }
  threads_.emplace_back([this, seed] { leave(seed); });
}

Load::~Load() {
  stop_ = true;
}

void Load::collect(Recorder& recorder, Part& part) {
  std::vector<Operation> operations = recorder.take();
  part.operations.insert(part.operations.end(), std::make_move_iterator(operations.begin()),
                         std::make_move_iterator(operations.end()));
}

void Load::work(std::size_t number, std::uint64_t seed) {
  Part& part = parts_[number];
  Recorder recorder(port_, password_, first_client_ + number);
  if (!recorder.connected()) return part.failures.push_back("a client could not connect");
  Whim whim(recorder, seed);
  while (!stop_ && recorder.connected()) {
    whim.act();
    operations_.fetch_add(1);
  }
  if (!recorder.connected()) {
    part.failures.push_back("the connection of client " + std::to_string(recorder.client()) +
                            " ended");
  }
  collect(recorder, part);
}

void Load::leave(std::uint64_t seed) {
  Part& part = parts_[clients_];
  std::mt19937_64 random(seed);
  while (!stop_ && left_ < departures) {
    const std::size_t client = first_client_ + clients_ + left_;
    Recorder recorder(port_, password_, client);
    if (!recorder.connected()) return part.failures.push_back("a client could not connect again");
    ++left_;
    recorder.set_and_leave(register_key(random()), "left-" + std::to_string(client));
    collect(recorder, part);
    // Spread over the run by what the others have done, not by time.
    const std::size_t next = operations_ + 1500;
    while (!stop_ && operations_ < next) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
}

Load::Seen Load::finish() {
  stop_ = true;
  threads_.clear();
  Seen seen;
  seen.next_client = first_client_ + clients_ + left_;
  for (Part& part : parts_) {
    for (Operation& operation : part.operations) seen.operations.push_back(std::move(operation));
    for (std::string& failure : part.failures) seen.failures.push_back(std::move(failure));
  }
  return seen;
}

}  // namespace restored::history
