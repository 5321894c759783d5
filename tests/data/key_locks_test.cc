#include "data/key_locks.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace restored::data {
namespace {

using Wait = KeyLocks::Wait;

std::array<std::string_view, 1> one(std::string_view key) {
  return {key};
}

TEST(KeyLocksTest, OneHolderAKeyAndOthersMayGoOn) {
  KeyLocks locks;
  KeyLocks::Hold first;
  KeyLocks::Hold second;
  KeyLocks::Hold other;
  EXPECT_FALSE(locks.try_lock(one("a"), first));
  EXPECT_EQ(locks.try_lock(one("a"), second).on, Wait::stripe);
  EXPECT_FALSE(locks.try_lock(one("b"), other));
  first.release();
  EXPECT_FALSE(locks.try_lock(one("a"), second));
}

TEST(KeyLocksTest, WhoWaitsForAStripeIsCalledWhenItIsFree) {
  KeyLocks locks;
  KeyLocks::Hold first;
  KeyLocks::Hold second;
  ASSERT_FALSE(locks.try_lock(one("a"), first));
  const auto blocked = locks.try_lock(one("a"), second);
  int called = 0;
  locks.when(blocked, [&] { ++called; });
  EXPECT_EQ(called, 0);
  first.release();
  EXPECT_EQ(called, 1);
  locks.when(blocked, [&] { ++called; });  // already free
  EXPECT_EQ(called, 2);
}

TEST(KeyLocksTest, ExclusiveKeepsOthersOutAndWaitsForThem) {
  KeyLocks locks;
  KeyLocks::Hold writer;
  KeyLocks::Hold exclusive;
  ASSERT_FALSE(locks.try_lock(one("a"), writer));
  const auto draining = locks.try_lock_exclusive(exclusive);
  EXPECT_EQ(draining.on, Wait::drain);
  KeyLocks::Hold late;
  const auto shut_out = locks.try_lock(one("b"), late);
  EXPECT_EQ(shut_out.on, Wait::transaction) << "the claim stands while the writers finish";
  bool drained = false;
  bool opened = false;
  locks.when(draining, [&] { drained = true; });
  locks.when(shut_out, [&] { opened = true; });
  writer.release();
  EXPECT_TRUE(drained);
  EXPECT_FALSE(opened);
  EXPECT_FALSE(locks.try_lock_exclusive(exclusive));
  KeyLocks::Hold second;
  EXPECT_EQ(locks.try_lock_exclusive(second).on, Wait::transaction);
  exclusive.release();
  EXPECT_TRUE(opened);
  EXPECT_FALSE(locks.try_lock(one("b"), late));
}

TEST(KeyLocksTest, ManyKeysTakeTheExclusiveLock) {
  KeyLocks locks;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(std::to_string(i));
  const std::vector<std::string_view> keys(names.begin(), names.end());
  KeyLocks::Hold many;
  EXPECT_FALSE(locks.try_lock(keys, many));
  KeyLocks::Hold unrelated;
  EXPECT_EQ(locks.try_lock(one("x"), unrelated).on, Wait::transaction);
}

TEST(KeyLocksTest, AKeyNamedTwiceIsLockedOnce) {
  KeyLocks locks;
  const std::array<std::string_view, 3> keys = {"a", "b", "a"};
  KeyLocks::Hold hold;
  EXPECT_FALSE(locks.try_lock(keys, hold));
}

TEST(KeyLocksTest, HoldsMoveAndReleaseOnce) {
  KeyLocks locks;
  KeyLocks::Hold first;
  ASSERT_FALSE(locks.try_lock(one("a"), first));
  KeyLocks::Hold moved(std::move(first));
  KeyLocks::Hold probe;
  EXPECT_TRUE(locks.try_lock(one("a"), probe));
  KeyLocks::Hold other;
  ASSERT_FALSE(locks.try_lock(one("b"), other));
  moved = std::move(other);  // lets go of "a", keeps "b"
  EXPECT_FALSE(locks.try_lock(one("a"), probe));
  KeyLocks::Hold again;
  EXPECT_TRUE(locks.try_lock(one("b"), again));
  KeyLocks::Hold& same = moved;
  moved = std::move(same);
  EXPECT_TRUE(locks.try_lock(one("b"), again));
}

// Blocks the calling thread as a worker does.
void lock_blocking(KeyLocks& locks, std::span<const std::string_view> keys, bool exclusive,
                   KeyLocks::Hold& hold) {
  for (;;) {
    const auto blocked = exclusive ? locks.try_lock_exclusive(hold) : locks.try_lock(keys, hold);
    if (!blocked) return;
    std::atomic<bool> free{false};
    locks.when(blocked, [&] {
      free = true;
      free.notify_one();
    });
    free.wait(false);
  }
}

TEST(KeyLocksTest, ThreadsThatAddUnderLocksLoseNothing) {
  constexpr int rounds = 3'000;
  KeyLocks locks;
  std::array<std::int64_t, 4> counters{};  // each guarded by the lock of its key
  const std::array<std::string_view, 4> names = {"a", "b", "c", "d"};
  const auto work = [&](unsigned seed) {
    for (unsigned i = 0; i < rounds; ++i) {
      const unsigned choice = (i * 7 + seed) % 10;
      KeyLocks::Hold hold;
      if (choice == 0) {
        lock_blocking(locks, {}, true, hold);
        for (auto& counter : counters) ++counter;
      } else {
        const unsigned from = choice % 4;
        const unsigned to = (choice + seed) % 4;
        const std::array<std::string_view, 2> keys = {names[from], names[to]};
        lock_blocking(locks, keys, false, hold);
        ++counters[from];
        ++counters[to];
      }
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) threads.emplace_back(work, seed);
  for (std::thread& thread : threads) thread.join();
  std::int64_t expected = 0;
  for (unsigned seed = 0; seed < 4; ++seed) {
    for (unsigned i = 0; i < rounds; ++i) expected += (i * 7 + seed) % 10 == 0 ? 4 : 2;
  }
  EXPECT_EQ(counters[0] + counters[1] + counters[2] + counters[3], expected);
}

}  // namespace
}  // namespace restored::data
