#include "data/watch_table.h"

#include <gtest/gtest.h>

namespace restored::data {
namespace {

TEST(WatchTableTest, OnlyTheWatchedKeyRaisesTheFlag) {
  WatchTable table;
  Watch watch;
  watch.add(table, "a", 1);
  table.touch("b");
  EXPECT_FALSE(watch.dirty());
  table.touch("a");
  EXPECT_TRUE(watch.dirty());
  watch.clear();
  EXPECT_FALSE(watch.dirty());
  EXPECT_TRUE(table.idle());
}

TEST(WatchTableTest, AllWatchersOfAKeyAreTold) {
  WatchTable table;
  Watch first;
  Watch second;
  first.add(table, "a", 1);
  second.add(table, "a", 1);
  second.add(table, "b", 1);
  table.touch("a");
  EXPECT_TRUE(first.dirty());
  EXPECT_TRUE(second.dirty());
  first.clear();
  table.touch("a");
  EXPECT_FALSE(first.dirty());
}

TEST(WatchTableTest, AnotherGenerationIsAChange) {
  WatchTable table;
  Watch watch;
  watch.add(table, "a", 1);
  EXPECT_FALSE(watch.dirty_at(0, 1));
  EXPECT_TRUE(watch.dirty_at(0, 2));
}

TEST(WatchTableTest, AGenerationSeenInBetweenIsAChangeEvenWhenItWentAway) {
  WatchTable table;
  Watch watch;
  watch.add(table, "a", 1);
  watch.saw_generation(2);  // a swap, and then an undo
  EXPECT_TRUE(watch.dirty_at(0, 1));
}

TEST(WatchTableTest, ExpiryIsAChange) {
  WatchTable table;
  Watch watch;
  watch.add(table, "a", 1);
  watch.note_expiry(2'000);
  watch.note_expiry(1'000);
  EXPECT_FALSE(watch.dirty_at(999, 1));
  EXPECT_TRUE(watch.dirty_at(1'000, 1));
}

}  // namespace
}  // namespace restored::data
