// Whether the simulated threads do what threads do, and go the same way for the same seed.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <semaphore>
#include <set>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "child.h"
#include "kernel.h"

namespace restored::simulation {
namespace {

using namespace std::chrono_literals;

// The answer of `work` under that schedule, or "hung: …", or how the child ended.
std::string simulate(Schedule schedule, const std::function<std::string()>& work) {
  const ChildEnd end = in_child(
      [&] {
        schedule.hung = [](const std::string& report) { answer("hung: " + report); };
        if (!schedule.ended) schedule.ended = [] { answer("ended"); };
        begin(schedule);
        answer(work());
      },
      30s);
  return end.answered ? end.answer : end.how;
}

Schedule seeded(std::uint64_t seed) {
  Schedule schedule;
  schedule.seed = seed;
  schedule.switches = 256;
  return schedule;
}

// Three threads that take turns as they like; the order in which they came.
std::string order_of_turns() {
  std::mutex mutex;
  std::string order;
  {
    std::vector<std::jthread> threads;
    for (const char name : {'a', 'b', 'c'}) {
      threads.emplace_back([&, name] {
        for (int i = 0; i < 5; ++i) {
          const std::lock_guard lock(mutex);
          order.push_back(name);
        }
      });
    }
  }
  return order + " " + std::to_string(trace());
}

TEST(KernelTest, SameSeedGoesTheSameWay) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed)
    EXPECT_EQ(simulate(seeded(seed), order_of_turns), simulate(seeded(seed), order_of_turns));
}

TEST(KernelTest, OtherSeedsGoOtherWays) {
  std::set<std::string> orders;
  for (std::uint64_t seed = 1; seed <= 40; ++seed)
    orders.insert(simulate(seeded(seed), order_of_turns));
  EXPECT_GT(orders.size(), 35u);
}

TEST(KernelTest, AnUpdateWithAGapInItsLockGetsLostForSomeSeed) {
  const auto work = [] {
    std::mutex mutex;
    int value = 0;
    const auto add = [&] {
      int seen = 0;
      {
        const std::lock_guard lock(mutex);
        seen = value;
      }
      const std::lock_guard lock(mutex);
      value = seen + 1;
    };
    {
      const std::jthread one(add);
      const std::jthread other(add);
    }
    return std::to_string(value);
  };
  std::set<std::string> values;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) values.insert(simulate(seeded(seed), work));
  EXPECT_EQ(values, (std::set<std::string>{"1", "2"}));
}

TEST(KernelTest, ADeadlockIsReported) {
  const auto work = [] {
    std::mutex first;
    std::mutex second;
    const auto lock_both = [](std::mutex& one, std::mutex& other) {
      const std::lock_guard outer(one);
      std::this_thread::sleep_for(1ms);
      const std::lock_guard inner(other);
    };
    const std::jthread one([&] { lock_both(first, second); });
    const std::jthread other([&] { lock_both(second, first); });
    return std::string("no");
  };
  const std::string end = simulate(seeded(1), work);
  EXPECT_TRUE(end.starts_with("hung: nobody can go on")) << end;
}

TEST(KernelTest, ALoopWithoutEndIsReported) {
  Schedule schedule = seeded(1);
  schedule.steps_max = 10'000;
  const auto work = [] {
    for (;;) std::this_thread::yield();
    return std::string();
  };
  const std::string end = simulate(schedule, work);
  EXPECT_TRUE(end.starts_with("hung: there is no end after 10000 calls")) << end;
}

TEST(KernelTest, TheProcessEndsAtTheCallThatWasAskedFor) {
  Schedule schedule = seeded(3);
  schedule.end_at_step = 17;
  schedule.ended = [] { answer(std::to_string(steps())); };
  EXPECT_EQ(simulate(schedule, order_of_turns), "17");
}

TEST(KernelTest, AnHourOfWaitingTakesNoTime) {
  const auto begin_real = std::chrono::steady_clock::now();
  const auto work = [] {
    const auto monotonic = std::chrono::steady_clock::now();
    const auto wall = std::chrono::system_clock::now();
    std::this_thread::sleep_for(1h);
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock lock(mutex);
    if (never.wait_for(lock, 1h, [] { return false; })) return std::string("woken");
    const bool both = std::chrono::steady_clock::now() - monotonic >= 2h &&
                      std::chrono::system_clock::now() - wall >= 2h;
    return std::string(both ? "late" : "early");
  };
  EXPECT_EQ(simulate(seeded(1), work), "late");
  EXPECT_LT(std::chrono::steady_clock::now() - begin_real, 10s);
}

TEST(KernelTest, AStopEndsAWait) {
  const auto work = [] {
    std::mutex mutex;
    std::condition_variable_any changed;
    std::atomic<int> woken = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&](const std::stop_token& stop) {
          std::unique_lock lock(mutex);
          changed.wait(lock, stop, [] { return false; });
          ++woken;
        });
      }
    }
    return std::to_string(woken);
  };
  for (std::uint64_t seed = 1; seed <= 50; ++seed) EXPECT_EQ(simulate(seeded(seed), work), "4");
}

TEST(KernelTest, ReadersShareAndAWriterIsAlone) {
  const auto work = [] {
    std::shared_mutex mutex;
    int readers = 0;
    int most = 0;
    bool writing = false;
    bool wrong = false;
    const auto read = [&] {
      for (int i = 0; i < 20; ++i) {
        const std::shared_lock lock(mutex);
        most = std::max(most, ++readers);
        wrong = wrong || writing;
        std::this_thread::yield();
        --readers;
      }
    };
    {
      const std::jthread one(read);
      const std::jthread other(read);
      const std::jthread writer([&] {
        for (int i = 0; i < 20; ++i) {
          const std::lock_guard lock(mutex);
          writing = true;
          wrong = wrong || readers != 0;
          std::this_thread::yield();
          writing = false;
        }
      });
    }
    return std::string(wrong ? "wrong" : "right") + " " + std::to_string(most);
  };
  std::set<std::string> ends;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) ends.insert(simulate(seeded(seed), work));
  EXPECT_TRUE(ends.contains("right 2"));
  for (const std::string& end : ends) EXPECT_TRUE(end.starts_with("right")) << end;
}

struct Tally {
  explicit Tally(int& counter) : count(&counter) {}
  ~Tally() { ++*count; }
  int* count;
};

TEST(KernelTest, StaticsOnceAtomicsAndThreadLocalsWork) {
  const auto work = [] {
    static std::atomic<int> made;
    static int destroyed;
    std::once_flag once;
    std::atomic<int> called = 0;
    std::atomic<int> gate = 0;
    std::binary_semaphore semaphore(1);
    int inside = 0;
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 5; ++i) {
        threads.emplace_back([&] {
          thread_local const Tally tally(destroyed);
          static const int value = [] {
            std::this_thread::yield();
            return ++made;
          }();
          std::call_once(once, [&] {
            std::this_thread::sleep_for(1ms);
            ++called;
          });
          gate.wait(0);
          semaphore.acquire();
          inside += value;
          semaphore.release();
        });
      }
      std::this_thread::sleep_for(5ms);
      gate = 1;
      gate.notify_all();
    }
    return std::to_string(made) + std::to_string(called) + std::to_string(inside) +
           std::to_string(destroyed);
  };
  for (std::uint64_t seed = 1; seed <= 30; ++seed) EXPECT_EQ(simulate(seeded(seed), work), "1155");
}

TEST(KernelTest, AChildThatDiesIsTold) {
  EXPECT_EQ(simulate(seeded(1), []() -> std::string { std::abort(); }), "signal 6 (Aborted)");
}

}  // namespace
}  // namespace restored::simulation

int main(int count, char** arguments) {
  restored::simulation::fix_addresses(arguments);
  testing::InitGoogleTest(&count, arguments);
  return RUN_ALL_TESTS();
}
