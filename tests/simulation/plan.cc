#include "plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <random>

namespace restored::simulation {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool one_in(std::uint64_t count) { return below(count) == 0; }
  template <class T, std::size_t n>
  T one_of(const T (&choices)[n]) {
    return choices[below(n)];
  }

 private:
  std::mt19937_64 random_;
};

// One thing at a time mostly: a cause is easier to see, and many together let nothing get far.
StoreFaults store_faults(Dice& dice) {
  StoreFaults faults;
  const std::uint32_t share = dice.one_of({5U, 30U, 120U});
  switch (dice.below(10)) {
    case 0:
      faults.refused = share;
      break;
    case 1:
      faults.answer_lost = share;
      break;
    case 2:
      faults.slow = share;
      break;
    case 3:
      faults.hung = share / 4 + 1;
      break;
    case 4:
      faults.flipped = share;
      break;
    case 5:
      faults.cut_short = share;
      break;
    case 6:
      faults.gone = share / 8 + 1;
      break;
    case 7:
      faults = {20, 10, 20, 2, 10, 5, 1};
      break;
    default:
      break;  // a good one
  }
  return faults;
}

DiskFaults disk_faults(Dice& dice) {
  DiskFaults faults;
  switch (dice.below(8)) {
    case 0:
      faults.errors = 1;
      break;
    case 1:
      faults.errors = 4;
      break;
    case 2:
      faults.errors = 1;
      faults.errors_are_full = true;
      break;
    case 3:
      faults.gets_full = true;
      break;
    default:
      break;
  }
  return faults;
}

LifePlan life(Dice& dice) {
  LifePlan plan;
  plan.ending = dice.one_of({Ending::close, Ending::kill, Ending::kill, Ending::power});
  // Early ends are as likely as late ones: opening is a few thousand calls of tens of thousands.
  const std::uint64_t scale = std::uint64_t{200} << dice.below(8);
  plan.end_after = scale + dice.below(scale);
  plan.survival = dice.one_of({test::Survival::nothing, test::Survival::everything,
                               test::Survival::in_order, test::Survival::any});
  plan.store = store_faults(dice);
  plan.disk = disk_faults(dice);
  return plan;
}

}  // namespace

Plan plan_of(std::uint64_t seed) {
  Dice dice(seed);
  Plan plan;
  plan.seed = seed;
  plan.switches = dice.one_of({8U, 32U, 64U, 200U, 400U});
  plan.leaps = dice.one_of({0U, 2U, 30U, 200U});
  plan.slow_threads = dice.one_of({0U, 100U, 400U});
  plan.databases = 1 + dice.below(2);
  plan.writers = dice.below(3);
  plan.readers = 1 + dice.below(2);
  plan.canceller_patience = dice.one_of({0U, 0U, 3U, 8U});
  plan.operations = 2 + dice.below(5);
  plan.records = 1 + dice.below(24);
  // A frame is 256 KiB: one content in eight has several.
  plan.value_bytes = dice.one_in(8) ? 30'000 : 1 + dice.below(300);
  plan.hold_seconds = 1 + dice.below(3);
  plan.clock_hours = dice.one_of({0U, 0U, 10U, 100U});
  const std::uint64_t lives = 1 + dice.below(3);
  for (std::uint64_t i = 0; i < lives; ++i) plan.lives.push_back(life(dice));
  return plan;
}

bool gets_full(const Plan& plan) {
  return std::ranges::any_of(plan.lives, [](const LifePlan& life) {
    return life.disk.gets_full || life.disk.errors_are_full;
  });
}

std::string describe(const Plan& plan) {
  std::string text = fmt::format(
      "seed {}: {} databases, {} writers, {} readers, {} operations a life, {} records of {} "
      "bytes, "
      "cancels {}/16, holds for {} s, clock set by {} h; switches {}, leaps {}, slow {}",
      plan.seed, plan.databases, plan.writers, plan.readers, plan.operations, plan.records,
      plan.value_bytes, plan.canceller_patience, plan.hold_seconds, plan.clock_hours, plan.switches,
      plan.leaps, plan.slow_threads);
  for (const LifePlan& one : plan.lives) {
    const char* const endings[] = {"closes", "is killed", "loses its power"};
    const StoreFaults& store = one.store;
    fmt::format_to(std::back_inserter(text),
                   "\n  a life that {} (after {} calls); store refuses {} loses answers {} slow {} "
                   "hangs {} flips {} cuts {} is gone {}; disk errors {}{}{}",
                   endings[static_cast<std::size_t>(one.ending)], one.end_after, store.refused,
                   store.answer_lost, store.slow, store.hung, store.flipped, store.cut_short,
                   store.gone, one.disk.errors, one.disk.errors_are_full ? " (full)" : "",
                   one.disk.gets_full ? ", full for a while" : "");
  }
  return text;
}

}  // namespace restored::simulation
