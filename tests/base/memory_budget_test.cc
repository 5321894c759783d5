#include "base/memory_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "restored/limits.h"
#include "support/wait_until.h"

namespace restored {
namespace {

using test::wait_until;

std::unique_ptr<MemoryBudget> budget_of(std::uint64_t bytes) {
  auto budget = MemoryBudget::make(bytes);
  EXPECT_TRUE(budget.has_value());
  return std::move(*budget);
}

MemoryLease take(MemoryBudget& budget, std::uint64_t bytes) {
  auto lease = budget.acquire(bytes, {});
  EXPECT_TRUE(lease.has_value());
  return std::move(*lease);
}

TEST(MemoryLeaseTest, MoveLeavesTheSourceEmpty) {
  const auto budget = budget_of(1 * kMiB);
  MemoryLease first = take(*budget, 64 * kKiB);
  const auto bytes = first.bytes();
  const MemoryLease second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_TRUE(first.bytes().empty());
  EXPECT_EQ(second.bytes().data(), bytes.data());
  EXPECT_EQ(budget->in_use_bytes(), 64 * kKiB);
}

TEST(MemoryLeaseTest, MoveAssignOverAHeldLeaseReleasesIt) {
  const auto budget = budget_of(1 * kMiB);
  MemoryLease first = take(*budget, 64 * kKiB);
  MemoryLease second = take(*budget, 128 * kKiB);
  second = std::move(first);
  EXPECT_EQ(budget->in_use_bytes(), 64 * kKiB);
  EXPECT_EQ(second.bytes().size(), 64 * kKiB);
  second = MemoryLease();
  EXPECT_EQ(budget->in_use_bytes(), 0u);
}

TEST(MemoryLeaseTest, SelfMoveKeepsIt) {
  const auto budget = budget_of(1 * kMiB);
  MemoryLease lease = take(*budget, 64 * kKiB);
  MemoryLease& same = lease;
  lease = std::move(same);
  EXPECT_TRUE(lease);
  EXPECT_EQ(lease.bytes().size(), 64 * kKiB);
  EXPECT_EQ(budget->in_use_bytes(), 64 * kKiB);
}

TEST(MemoryLeaseTest, ReleaseTwiceGivesBackOnce) {
  const auto budget = budget_of(1 * kMiB);
  MemoryLease lease = take(*budget, 64 * kKiB);
  lease.release();
  lease.release();
  EXPECT_EQ(budget->in_use_bytes(), 0u);
}

TEST(ArenaPinTest, MovesLikeALease) {
  const auto budget = budget_of(1 * kMiB);
  ArenaPin first = budget->pin();
  ArenaPin second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move)
  ArenaPin third = budget->pin();
  third = std::move(second);
  ArenaPin& same = third;
  third = std::move(same);
  EXPECT_TRUE(third);
}

TEST(MemoryBudgetTest, LeasesAreAlignedApartAndWithinTheArena) {
  const auto budget = budget_of(1 * kMiB);
  std::vector<MemoryLease> leases;
  for (const std::uint64_t bytes : {1ULL, 4095ULL, 4096ULL, 4097ULL, 100'000ULL}) {
    leases.push_back(take(*budget, bytes));
    EXPECT_EQ(leases.back().bytes().size(), bytes);
    std::ranges::fill(leases.back().bytes(), static_cast<std::byte>(leases.size()));
  }
  for (std::size_t index = 0; index < leases.size(); ++index) {
    const auto bytes = leases[index].bytes();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % limits::io_alignment, 0u);
    EXPECT_GE(bytes.data(), budget->arena().data());
    EXPECT_LE(bytes.data() + bytes.size(), budget->arena().data() + budget->arena().size());
    EXPECT_TRUE(std::ranges::all_of(
        bytes, [&](std::byte byte) { return byte == static_cast<std::byte>(index + 1); }));
  }
}

TEST(MemoryBudgetTest, RefusesNothingAndMoreThanItHas) {
  const auto budget = budget_of(1 * kMiB);
  for (const std::uint64_t bytes : {std::uint64_t{0}, 1 * kMiB + 1, ~std::uint64_t{0}}) {
    const auto lease = budget->acquire(bytes, {});
    ASSERT_FALSE(lease.has_value());
    EXPECT_EQ(lease.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_TRUE(take(*budget, 1 * kMiB));
}

TEST(MemoryBudgetTest, AddressSpaceThatTheKernelRefusesIsNoSpace) {
  const auto budget = MemoryBudget::make(std::uint64_t{1} << 60);
  ASSERT_FALSE(budget.has_value());
  EXPECT_EQ(budget.error().code, ErrorCode::no_space);
}

TEST(MemoryBudgetTest, PeakIsTheLargestSumOfLeases) {
  const auto budget = budget_of(1 * kMiB);
  {
    const MemoryLease first = take(*budget, 256 * kKiB);
    const MemoryLease second = take(*budget, 512 * kKiB);
  }
  const MemoryLease third = take(*budget, 64 * kKiB);
  EXPECT_EQ(budget->peak_bytes(), 768 * kKiB);
  EXPECT_EQ(budget->in_use_bytes(), 64 * kKiB);
}

TEST(MemoryBudgetTest, StopWakesAWaiterAndTheNextInLineGoesOn) {
  const auto budget = budget_of(1 * kMiB);
  MemoryLease held = take(*budget, 768 * kKiB);
  std::stop_source stop;
  std::atomic<bool> cancelled = false;
  std::atomic<bool> served = false;
  std::thread large([&] {
    const auto lease = budget->acquire(1 * kMiB, stop.get_token());
    cancelled = !lease && lease.error().code == ErrorCode::cancelled;
  });
  // Behind the large one although it would fit: strictly in order of arrival.
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // arrives second
  std::thread small([&] {
    const auto lease = budget->acquire(64 * kKiB, {});
    served = lease.has_value();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // time to go wrong
  EXPECT_FALSE(served);
  stop.request_stop();
  large.join();
  small.join();
  EXPECT_TRUE(cancelled);
  EXPECT_TRUE(served);
}

TEST(MemoryBudgetTest, StoppedBeforeItAsksGetsNothing) {
  const auto budget = budget_of(1 * kMiB);
  std::stop_source stop;
  stop.request_stop();
  const auto lease = budget->acquire(4096, stop.get_token());
  ASSERT_FALSE(lease.has_value());
  EXPECT_EQ(lease.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(take(*budget, 1 * kMiB));
}

TEST(MemoryBudgetTest, WaitersAreServedInOrderOfArrival) {
  const auto budget = budget_of(1 * kMiB);
  MemoryLease held = take(*budget, 1 * kMiB);
  Mutex mutex;
  std::vector<int> order;
  std::vector<std::thread> threads;
  for (int index = 0; index < 8; ++index) {
    threads.emplace_back([&, index] {
      // Everything: only one can hold it, so the order of service is the order in the list.
      const auto lease = budget->acquire(1 * kMiB, {});
      MutexLock lock(mutex);
      order.push_back(index);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // arrives before the next one
  }
  held.release();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
}

// Holes that are each too small must not keep a large request waiting once leases end, and small
// ones that arrive later must not take what it waits for.
TEST(MemoryBudgetTest, FragmentedSmallestBudgetStillServesTheLargestRange) {
  const auto budget = budget_of(limits::memory_budget_bytes_min);
  std::deque<MemoryLease> kept;
  std::vector<MemoryLease> gaps;
  constexpr std::uint64_t step = 1 * kMiB;
  for (std::uint64_t used = 0; used + 2 * step <= limits::memory_budget_bytes_min;
       used += 2 * step) {
    gaps.push_back(take(*budget, step));
    kept.push_back(take(*budget, step));
  }
  gaps.clear();  // half of it is free, in pieces of one MiB
  std::atomic<bool> served = false;
  std::thread large(
      [&] { served = budget->acquire(limits::range_lease_bytes_max, {}).has_value(); });
  std::atomic<bool> stop = false;
  std::thread small([&] {
    while (!stop) (void)budget->acquire(step, {});
  });
  while (!kept.empty()) kept.pop_front();
  EXPECT_TRUE(wait_until([&] { return served.load(); }));
  stop = true;
  large.join();
  small.join();
  EXPECT_TRUE(take(*budget, limits::memory_budget_bytes_min)) << "idle, it is one piece again";
}

TEST(MemoryBudgetTest, ManyThreadsNeverShareBytesAndAllGetTheirTurn) {
  const auto budget = budget_of(8 * kMiB);
  std::atomic<int> torn = 0;
  std::atomic<int> served = 0;
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      std::minstd_rand random(thread + 1);
      for (int round = 0; round < 200; ++round) {
        auto lease = budget->acquire(1 + random() % (2 * kMiB), {});
        if (!lease) continue;
        ++served;
        const auto mark = static_cast<std::byte>(thread + 1);
        lease->bytes().front() = mark;
        lease->bytes().back() = mark;
        std::this_thread::yield();
        if (lease->bytes().front() != mark || lease->bytes().back() != mark) ++torn;
        if (round % 50 == 49) budget->trim();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(served, 8 * 200);
  EXPECT_EQ(budget->in_use_bytes(), 0u);
  EXPECT_LE(budget->peak_bytes(), budget->budget_bytes());
  EXPECT_TRUE(take(*budget, 8 * kMiB));
}

TEST(MemoryBudgetTest, TrimGivesPagesBackWhenTheLastLeaseEnds) {
  const auto budget = budget_of(1 * kMiB);
  MemoryLease lease = take(*budget, 4096);
  std::byte& byte = lease.bytes().front();
  byte = std::byte{7};
  budget->trim();
  EXPECT_EQ(byte, std::byte{7}) << "a held lease keeps its pages";
  lease.release();
  EXPECT_EQ(budget->arena().front(), std::byte{0});
}

TEST(MemoryBudgetTest, ShortGapsBetweenLeasesKeepThePages) {
  const auto budget = budget_of(1 * kMiB);
  take(*budget, 4096).bytes().front() = std::byte{7};
  EXPECT_EQ(budget->arena().front(), std::byte{7});
  budget->trim();
  EXPECT_EQ(budget->arena().front(), std::byte{0});
}

TEST(MemoryBudgetTest, PinnedPagesStayUntilTheLastPinEnds) {
  const auto budget = budget_of(1 * kMiB);
  take(*budget, 4096).bytes().front() = std::byte{7};
  ArenaPin first = budget->pin();
  ArenaPin second = budget->pin();
  budget->trim();
  first.release();
  EXPECT_EQ(budget->arena().front(), std::byte{7});
  second.release();
  EXPECT_EQ(budget->arena().front(), std::byte{0});
}

using MemoryBudgetDeathTest = testing::Test;

TEST(MemoryBudgetDeathTest, DyingBeforeItsLeasesIsOurMistake) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        auto budget = budget_of(1 * kMiB);
        const MemoryLease lease = take(*budget, 4096);
        budget.reset();
      },
      "the budget outlives its leases");
}

}  // namespace
}  // namespace restored
