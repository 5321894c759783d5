#include "control/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "support/wait_until.h"

namespace restored::control {
namespace {

TEST(WorkersTest, RunsEverythingThatWasSubmittedBeforeTheStop) {
  std::atomic<int> done = 0;
  {
    Workers workers("test", 3);
    for (int job = 0; job < 1000; ++job) workers.submit([&] { ++done; });
    workers.stop();
    EXPECT_EQ(done, 1000);
  }
}

TEST(WorkersTest, HasRoomUntilEveryThreadIsBusy) {
  Workers workers("test", 2);
  std::latch release(1);
  std::atomic<int> running = 0;
  const auto job = [&] {
    ++running;
    release.wait();
  };
  EXPECT_TRUE(workers.has_room());
  workers.submit(job);
  EXPECT_TRUE(workers.has_room());
  workers.submit(job);
  ASSERT_TRUE(test::wait_until([&] { return running == 2; }));
  EXPECT_FALSE(workers.has_room());
  release.count_down();
  EXPECT_TRUE(test::wait_until([&] { return workers.has_room(); }));
}

}  // namespace
}  // namespace restored::control
