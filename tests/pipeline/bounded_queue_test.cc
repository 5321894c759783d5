#include "pipeline/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace restored::pipeline {
namespace {

TEST(BoundedQueueTest, ItemsComeOutInTheOrderTheyWentIn) {
  BoundedQueue<int> queue(3);
  for (int item = 0; item < 3; ++item) EXPECT_TRUE(queue.push(item, {}));
  for (int item = 0; item < 3; ++item) EXPECT_EQ(queue.pop({}), item);
}

TEST(BoundedQueueTest, FullQueueRefusesWhoMayNotWait) {
  BoundedQueue<int> queue(1);
  EXPECT_TRUE(queue.try_push(1));
  EXPECT_FALSE(queue.try_push(2));
  EXPECT_EQ(queue.pop({}), 1);
  EXPECT_TRUE(queue.try_push(3));
}

TEST(BoundedQueueTest, PushWaitsForRoom) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.push(1, {}));
  std::atomic<bool> pushed{false};
  std::jthread producer([&] { pushed = queue.push(2, {}); });
  EXPECT_EQ(queue.pop({}), 1);
  EXPECT_EQ(queue.pop({}), 2);
  producer.join();
  EXPECT_TRUE(pushed);
}

TEST(BoundedQueueTest, ClosedQueueGivesWhatIsLeftAndTakesNothing) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.push(1, {}));
  queue.close();
  EXPECT_FALSE(queue.push(2, {}));
  EXPECT_FALSE(queue.try_push(2));
  EXPECT_EQ(queue.pop({}), 1);
  EXPECT_EQ(queue.pop({}), std::nullopt);
}

TEST(BoundedQueueTest, CloseWakesEveryWaiter) {
  BoundedQueue<int> empty(1);
  BoundedQueue<int> full(1);
  ASSERT_TRUE(full.push(1, {}));
  std::vector<std::jthread> waiters;
  for (int count = 0; count < 3; ++count) {
    waiters.emplace_back([&] { EXPECT_EQ(empty.pop({}), std::nullopt); });
    waiters.emplace_back([&] { EXPECT_FALSE(full.push(2, {})); });
  }
  empty.close();
  full.close();
}

TEST(BoundedQueueTest, StopWakesEveryWaiter) {
  BoundedQueue<int> empty(1);
  BoundedQueue<int> full(1);
  ASSERT_TRUE(full.push(1, {}));
  std::stop_source stop;
  std::jthread consumer([&] { EXPECT_EQ(empty.pop(stop.get_token()), std::nullopt); });
  std::jthread producer([&] { EXPECT_FALSE(full.push(2, stop.get_token())); });
  stop.request_stop();
}

TEST(BoundedQueueTest, StoppedPopLeavesItemsAndDiscardDropsThem) {
  BoundedQueue<std::shared_ptr<int>> queue(2);
  const auto item = std::make_shared<int>(1);
  ASSERT_TRUE(queue.push(item, {}));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(queue.pop(stop.get_token()), std::nullopt);
  EXPECT_EQ(item.use_count(), 2);
  queue.discard();
  EXPECT_EQ(item.use_count(), 1);
}

TEST(BoundedQueueTest, ManyThreadsLoseAndDoubleNothing) {
  BoundedQueue<int> queue(4);
  constexpr int per_producer = 2000;
  std::atomic<long> sum{0};
  std::atomic<int> count{0};
  {
    std::vector<std::jthread> consumers;
    for (int thread = 0; thread < 3; ++thread) {
      consumers.emplace_back([&] {
        while (auto item = queue.pop({})) {
          sum += *item;
          ++count;
        }
      });
    }
    {
      std::vector<std::jthread> producers;
      for (int thread = 0; thread < 3; ++thread) {
        producers.emplace_back([&] {
          for (int item = 1; item <= per_producer; ++item) EXPECT_TRUE(queue.push(item, {}));
        });
      }
    }
    queue.close();
  }
  EXPECT_EQ(count, 3 * per_producer);
  EXPECT_EQ(sum, 3L * per_producer * (per_producer + 1) / 2);
}

}  // namespace
}  // namespace restored::pipeline
