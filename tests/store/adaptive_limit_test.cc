// The limit's decisions against simulated stores, where every static limit can be tried as well;
// its turns with real threads.
#include "store/adaptive_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "restored/units.h"
#include "store/limit_search.h"
#include "support/wait_until.h"

namespace restored::store {
namespace {

using namespace std::chrono_literals;
using Time = LimitSearch::Time;

constexpr unsigned limit_max = 32;
constexpr unsigned limit_begin = 4;

// A store that answers after a while, at a bounded speed in all and for each stream, and that
// refuses whatever comes while too many requests are under way.
struct Store {
  double latency_millis = 20;
  double bytes_per_milli = 500e3;
  double stream_bytes_per_milli = 50e3;
  unsigned throttled_above = 1000;
  double noise = 0.3;  // of latency and speed
  double read_bytes = 8.5e6;
};

// Simulated in steps of a millisecond: 32 readers who always want more.
class Simulation {
 public:
  // `fixed` 0: the limit is searched for.
  Simulation(const Store& model, unsigned fixed, unsigned seed)
      : store(model), fixed_(fixed), random_(seed), search_(limit_begin, limit_max, Time()) {}

  // Bytes a millisecond over that time.
  double run(unsigned millis) {
    const double before = arrived_;
    for (unsigned step = 0; step < millis; ++step) tick();
    return (arrived_ - before) / millis;
  }

  unsigned limit() const { return fixed_ != 0 ? fixed_ : search_.limit(); }

  Store store;
  unsigned readers = limit_max;

 private:
  enum class State : std::uint8_t { latency, transfer, backoff };
  struct Read {
    State state = State::latency;
    double millis_left = 0;
    double bytes_left = 0;
    double speed = 1;
    unsigned attempts = 0;
  };

  double noisy() {
    return std::uniform_real_distribution(1 - store.noise, 1 + store.noise)(random_);
  }
  std::uint64_t arrived() const { return static_cast<std::uint64_t>(arrived_); }

  void send(Read& read) {
    const auto at_the_store = std::ranges::count_if(
        reads_, [](const Read& other) { return other.state != State::backoff; });
    if (at_the_store >= static_cast<std::ptrdiff_t>(store.throttled_above)) {
      search_.note_throttled(now_, arrived());
      read.state = State::backoff;
      read.millis_left = std::uniform_real_distribution(
          0.0, 100.0 * (1u << std::min(read.attempts++, 7u)))(random_);
      return;
    }
    read.state = State::latency;
    read.millis_left = store.latency_millis * noisy();
    read.bytes_left = store.read_bytes;
    read.speed = noisy();
  }

  void tick() {
    now_ += 1ms;
    double wanted = 0;
    for (const Read& read : reads_) {
      if (read.state == State::transfer) wanted += read.speed * store.stream_bytes_per_milli;
    }
    const double share =
        store.stream_bytes_per_milli * std::min(1.0, store.bytes_per_milli / std::max(1.0, wanted));
    for (Read& read : reads_) {
      if (read.state == State::transfer) {
        const double bytes = std::min(read.bytes_left, share * read.speed);
        read.bytes_left -= bytes;
        arrived_ += bytes;
      } else if ((read.millis_left -= 1) <= 0) {
        if (read.state == State::latency) {
          read.state = State::transfer;
        } else {
          send(read);
        }
      }
    }
    const auto done = [](const Read& read) {
      return read.state == State::transfer && read.bytes_left <= 0;
    };
    for (auto ended = std::ranges::count_if(reads_, done); ended > 0; --ended) {
      reads_.erase(std::ranges::find_if(reads_, done));
      search_.note_end(now_, arrived());
    }
    while (reads_.size() < std::min(limit(), readers)) {
      Read read;
      send(read);
      reads_.push_back(read);
    }
    const auto in_use = static_cast<unsigned>(reads_.size());
    search_.note(now_, in_use, readers - std::min(readers, in_use), arrived());
  }

  unsigned fixed_;
  std::mt19937 random_;
  Time now_;
  LimitSearch search_;
  std::vector<Read> reads_;
  double arrived_ = 0;
};

double best_of_all_limits(const Store& store) {
  double best = 0;
  for (unsigned limit = 1; limit <= limit_max; ++limit) {
    Simulation simulation(store, limit, 1);
    simulation.run(2'000);
    best = std::max(best, simulation.run(8'000));
  }
  return best;
}

struct Model {
  const char* name;
  Store store;
};

class AdaptiveLimitModelTest : public testing::TestWithParam<Model> {};

TEST_P(AdaptiveLimitModelTest, ReachesNineTenthsOfTheBestFixedLimit) {
  const Store& store = GetParam().store;
  const double best = best_of_all_limits(store);
  for (unsigned seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Simulation simulation(store, 0, seed);
    simulation.run(15'000);
    const double reached = simulation.run(40'000);
    EXPECT_GE(reached, 0.9 * best) << "at a limit of " << simulation.limit();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, AdaptiveLimitModelTest,
    testing::Values(
        Model{"Near",
              {.latency_millis = 1, .bytes_per_milli = 800e3, .stream_bytes_per_milli = 400e3}},
        Model{"OneStreamIsEnough",
              {.latency_millis = 2, .bytes_per_milli = 100e3, .stream_bytes_per_milli = 100e3}},
        Model{"ManyStreamsNeeded",
              {.latency_millis = 20, .bytes_per_milli = 1200e3, .stream_bytes_per_milli = 50e3}},
        Model{"MoreThanTheMaximum",
              {.latency_millis = 30, .bytes_per_milli = 1e9, .stream_bytes_per_milli = 40e3}},
        Model{"LongLatency",
              {.latency_millis = 300, .bytes_per_milli = 500e3, .stream_bytes_per_milli = 100e3}},
        Model{"SmallReads",
              {.latency_millis = 20,
               .bytes_per_milli = 200e3,
               .stream_bytes_per_milli = 100e3,
               .read_bytes = 256e3}},
        Model{"SlowLink",
              {.latency_millis = 50, .bytes_per_milli = 12e3, .stream_bytes_per_milli = 3e3}},
        Model{"ThrottledAboveTen",
              {.latency_millis = 20,
               .bytes_per_milli = 1200e3,
               .stream_bytes_per_milli = 50e3,
               .throttled_above = 10}},
        Model{"ThrottledAboveTwo",
              {.latency_millis = 20,
               .bytes_per_milli = 1200e3,
               .stream_bytes_per_milli = 50e3,
               .throttled_above = 2}}),
    [](const testing::TestParamInfo<Model>& model) { return model.param.name; });

TEST(AdaptiveLimitTest, GrowsToManyStreamsWithinSeconds) {
  const Store store{.latency_millis = 20, .bytes_per_milli = 1e9, .stream_bytes_per_milli = 40e3};
  Simulation simulation(store, 0, 1);
  simulation.run(3'000);
  EXPECT_EQ(simulation.limit(), limit_max);
}

TEST(AdaptiveLimitTest, FewStreamsStayFewWhereMoreAreOfNoUse) {
  const Store store{.latency_millis = 1, .bytes_per_milli = 100e3, .stream_bytes_per_milli = 100e3};
  Simulation simulation(store, 0, 1);
  simulation.run(120'000);
  EXPECT_LE(simulation.limit(), 6u);
}

TEST(AdaptiveLimitTest, ThrottlingShrinksAndItsEndIsNoticed) {
  Store store{.latency_millis = 20, .bytes_per_milli = 1e9, .stream_bytes_per_milli = 40e3};
  Simulation simulation(store, 0, 1);
  simulation.run(10'000);
  ASSERT_EQ(simulation.limit(), limit_max);
  simulation.store.throttled_above = 6;
  simulation.run(10'000);
  EXPECT_LE(simulation.limit(), 8u);
  simulation.store.throttled_above = 1000;
  simulation.run(20'000);
  EXPECT_GE(simulation.limit(), 28u);
}

TEST(AdaptiveLimitTest, AStoreThatBecomesSlowerForEachStreamIsReadWithMore) {
  Store store{.latency_millis = 2, .bytes_per_milli = 400e3, .stream_bytes_per_milli = 100e3};
  Simulation simulation(store, 0, 1);
  simulation.run(30'000);
  simulation.store.stream_bytes_per_milli = 15e3;
  simulation.run(15'000);
  EXPECT_GE(simulation.limit(), 24u);
}

TEST(AdaptiveLimitTest, DemandBelowTheLimitIsNoEvidence) {
  const Store store{.latency_millis = 20, .bytes_per_milli = 1e9, .stream_bytes_per_milli = 40e3};
  Simulation simulation(store, 0, 1);
  simulation.readers = 3;  // nobody waits
  simulation.run(30'000);
  EXPECT_EQ(simulation.limit(), limit_begin);
}

TEST(AdaptiveLimitTest, BurstOfThrottledAnswersShrinksOnce) {
  const Time begin;
  LimitSearch search(20, limit_max, begin);
  search.note(begin, 10, 5, 0);
  for (int answer = 0; answer < 20; ++answer) search.note_throttled(begin + answer * 10ms, 0);
  EXPECT_EQ(search.limit(), 14u);
  search.note_throttled(begin + 260ms, 0);
  EXPECT_EQ(search.limit(), 9u);
}

TEST(AdaptiveLimitTest, NeverBelowOne) {
  const Time begin;
  LimitSearch search(2, limit_max, begin);
  for (int second = 0; second < 100; ++second) search.note_throttled(begin + second * 1s, 0);
  EXPECT_EQ(search.limit(), 1u);
}

TEST(AdaptiveLimitTest, NoGrowthForASecondAfterThrottling) {
  const Time begin;
  LimitSearch search(10, limit_max, begin);
  search.note(begin, 10, 10, 0);
  search.note_throttled(begin, 0);
  ASSERT_EQ(search.limit(), 7u);
  std::uint64_t bytes = 0;
  Time now = begin;
  for (; now < begin + 990ms; now += 1ms) {
    bytes += 1'000'000;
    search.note_end(now, bytes);
    search.note(now, 7, 10, bytes);
    ASSERT_LE(search.limit(), 7u);
  }
}

TEST(AdaptiveLimitTest, TurnsAreServedInOrderOfArrival) {
  AdaptiveLimit limit(1, 1);
  auto held = limit.take({});
  ASSERT_TRUE(held);
  std::vector<unsigned> order;
  std::vector<std::jthread> threads;
  for (unsigned index = 0; index < 5; ++index) {
    threads.emplace_back([&, index] {
      auto turn = limit.take({});
      order.push_back(index);  // one at a time: the turn is the only one
    });
    ASSERT_TRUE(test::wait_until([&] { return limit.waiting() == index + 1; }));
  }
  held->release();
  threads.clear();
  EXPECT_EQ(order, (std::vector<unsigned>{0, 1, 2, 3, 4}));
  EXPECT_EQ(limit.in_use(), 0u);
}

TEST(AdaptiveLimitTest, StopEndsAWaitAndLeavesThePlaceToTheNext) {
  AdaptiveLimit limit(1, 1);
  auto held = limit.take({});
  ASSERT_TRUE(held);
  std::stop_source stop;
  Result<ReadTurn> first = ReadTurn();
  std::jthread stopped([&] { first = limit.take(stop.get_token()); });
  ASSERT_TRUE(test::wait_until([&] { return limit.waiting() == 1; }));
  std::jthread served([&] { EXPECT_TRUE(limit.take({})); });
  ASSERT_TRUE(test::wait_until([&] { return limit.waiting() == 2; }));
  const auto begin = std::chrono::steady_clock::now();
  stop.request_stop();
  stopped.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code, ErrorCode::cancelled);
  held->release();
  served.join();
  EXPECT_EQ(limit.waiting(), 0u);
}

TEST(AdaptiveLimitTest, ManyThreadsNeverExceedTheLimit) {
  AdaptiveLimit limit(limit_begin, limit_max);
  std::atomic<unsigned> most{0};
  std::atomic<unsigned> inside{0};
  std::vector<std::jthread> threads;
  for (unsigned index = 0; index < 16; ++index) {
    threads.emplace_back([&, index] {
      for (unsigned round = 0; round < 200; ++round) {
        auto turn = limit.take({});
        ASSERT_TRUE(turn);
        const unsigned now = ++inside;
        for (unsigned seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        limit.note_bytes(1000);
        if (index == 0 && round % 50 == 49) limit.note_throttled();
        --inside;
      }
    });
  }
  threads.clear();
  EXPECT_LE(most, 16u);
  EXPECT_EQ(limit.in_use(), 0u);
  EXPECT_EQ(limit.waiting(), 0u);
  EXPECT_GE(limit.current(), 1u);
}

}  // namespace
}  // namespace restored::store
