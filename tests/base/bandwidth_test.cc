#include "base/bandwidth.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace restored {
namespace {

using std::chrono::steady_clock;

double seconds_since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

TEST(BandwidthTest, WithoutALimitNothingWaits) {
  Bandwidth bandwidth;
  const auto begin = steady_clock::now();
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(bandwidth.take(1'000'000'000, {}));
  EXPECT_LT(seconds_since(begin), 1);
}

TEST(BandwidthTest, BytesTakeTheTimeThatTheLimitSays) {
  Bandwidth bandwidth(10'000'000);
  const auto begin = steady_clock::now();
  // The first may go into debt; each later one waits for the debt of those before.
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(bandwidth.take(1'000'000, {}));
  const double seconds = seconds_since(begin);
  EXPECT_GE(seconds, 0.49);
  EXPECT_LT(seconds, 2);
}

TEST(BandwidthTest, SeveralTakersShareOneLimit) {
  Bandwidth bandwidth(10'000'000);
  const auto begin = steady_clock::now();
  std::vector<std::jthread> takers;
  for (int i = 0; i < 6; ++i) {
    takers.emplace_back([&] { EXPECT_TRUE(bandwidth.take(1'000'000, {})); });
  }
  takers.clear();
  EXPECT_GE(seconds_since(begin), 0.49);
}

TEST(BandwidthTest, ANewLimitHoldsForThoseWhoWaitAlready) {
  Bandwidth bandwidth(1);
  ASSERT_TRUE(bandwidth.take(1'000'000, {}));
  std::atomic<bool> taken{false};
  std::jthread taker([&] {
    EXPECT_TRUE(bandwidth.take(1, {}));
    taken = true;
  });
  std::jthread watcher([&] { bandwidth.set(2); });
  watcher.join();
  EXPECT_FALSE(taken);  // still half a million seconds of debt
  bandwidth.set(0);
  taker.join();
  EXPECT_TRUE(taken);
  EXPECT_EQ(bandwidth.get(), 0u);
}

TEST(BandwidthTest, AStoppedWaiterLeavesTheRow) {
  Bandwidth bandwidth(1);
  ASSERT_TRUE(bandwidth.take(1'000'000, {}));
  std::stop_source first;
  std::stop_source second;
  std::jthread one(
      [&] { EXPECT_EQ(bandwidth.take(1, first.get_token()).error().code, ErrorCode::cancelled); });
  std::jthread other(
      [&] { EXPECT_EQ(bandwidth.take(1, second.get_token()).error().code, ErrorCode::cancelled); });
  // In either order: who is behind the other must not wait for it.
  const auto begin = steady_clock::now();
  second.request_stop();
  other.join();
  first.request_stop();
  one.join();
  EXPECT_LT(seconds_since(begin), 1);
  bandwidth.set(0);
  EXPECT_TRUE(bandwidth.take(1, {}));
}

}  // namespace
}  // namespace restored
