#include "catalog/write_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <utility>

#include "catalog/generation.h"
#include "support/wait_until.h"

namespace restored::catalog::test {
namespace {

std::shared_ptr<const Generation> generation(GenerationNumber number) {
  return closed_generation(number);
}

TEST(WriteGateTest, PermitNamesTheLiveGeneration) {
  WriteGate gate(generation(7));
  const WritePermit permit = gate.try_enter();
  ASSERT_TRUE(permit);
  EXPECT_EQ(permit.generation().number(), 7u);
  EXPECT_EQ(gate.live()->number(), 7u);
}

TEST(WriteGateTest, ClosedGateTurnsWritersAwayAndReadersSeeTheOld) {
  WriteGate gate(generation(1));
  {
    const WriteGate::Closed closed = gate.close();
    EXPECT_FALSE(gate.try_enter());
    EXPECT_EQ(gate.live()->number(), 1u);
  }
  EXPECT_TRUE(gate.try_enter());
}

TEST(WriteGateTest, WaitersAreCalledOnceWhenItOpensAndAtOnceWhenItIsOpen) {
  WriteGate gate(generation(1));
  int called = 0;
  {
    const WriteGate::Closed closed = gate.close();
    gate.when_open([&] { ++called; });
    gate.when_open([&] { ++called; });
    EXPECT_EQ(called, 0);
  }
  EXPECT_EQ(called, 2);
  gate.when_open([&] { ++called; });
  EXPECT_EQ(called, 3);
  {
    const WriteGate::Closed closed = gate.close();
  }
  EXPECT_EQ(called, 3);
}

TEST(WriteGateTest, WaiterMayEnterFromItsCallback) {
  WriteGate gate(generation(1));
  std::optional<WritePermit> permit;
  {
    WriteGate::Closed closed = gate.close();
    gate.when_open([&] { permit = gate.try_enter(); });
    closed.drain();
    closed.publish(generation(2));
  }
  ASSERT_TRUE(permit && *permit);
  EXPECT_EQ(permit->generation().number(), 2u);
}

TEST(WriteGateTest, DrainWaitsForTheLastPermit) {
  WriteGate gate(generation(1));
  WritePermit first = gate.try_enter();
  WritePermit second = gate.try_enter();
  std::atomic<bool> drained = false;
  std::atomic<bool> closed_now = false;
  std::thread swapper([&] {
    WriteGate::Closed closed = gate.close();
    closed_now = true;
    closed.drain();
    drained = true;
    closed.publish(generation(2));
  });
  ASSERT_TRUE(restored::test::wait_until([&] { return closed_now.load(); }));
  first.release();
  EXPECT_FALSE(drained);
  EXPECT_EQ(gate.live()->number(), 1u);
  EXPECT_EQ(second.generation().number(), 1u);
  second.release();
  swapper.join();
  EXPECT_TRUE(drained);
  EXPECT_EQ(gate.live()->number(), 2u);
}

TEST(WritePermitTest, MovesAndReleasesExactlyOnce) {
  WriteGate gate(generation(1));
  WritePermit first = gate.try_enter();
  WritePermit moved = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): a moved-from permit is empty
  EXPECT_TRUE(moved);
  WritePermit held = gate.try_enter();
  held = std::move(moved);  // over a held permit: that one leaves
  EXPECT_TRUE(held);
  WritePermit& same = held;
  held = std::move(same);
  EXPECT_TRUE(held);
  held.release();
  held.release();
  EXPECT_FALSE(held);
  WriteGate::Closed closed = gate.close();
  closed.drain();  // would wait for ever for a permit that did not leave
}

// The generation of a permit is the live one for as long as the permit is held.
TEST(WriteGateTest, NothingIsPublishedBelowAPermit) {
  WriteGate gate(generation(1));
  std::atomic<bool> stop = false;
  std::atomic<int> entered = 0;
  std::atomic<int> resumed = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&] {
      while (!stop) {
        const WritePermit permit = gate.try_enter();
        if (!permit) {
          std::atomic<bool> open = false;
          gate.when_open([&] { open = true; });
          while (!open) std::this_thread::yield();
          ++resumed;
          continue;
        }
        if (gate.live()->number() != permit.generation().number()) ADD_FAILURE();
        ++entered;
      }
    });
  }
  for (GenerationNumber number = 2; number < 1000; ++number) {
    WriteGate::Closed closed = gate.close();
    closed.drain();
    EXPECT_EQ(closed.publish(generation(number))->number(), number - 1);
  }
  const int before = entered;
  EXPECT_TRUE(restored::test::wait_until([&] { return entered > before; }));
  stop = true;
  for (std::thread& writer : writers) writer.join();
}

}  // namespace
}  // namespace restored::catalog::test
