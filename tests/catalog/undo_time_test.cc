// How long the previous generation is kept, whatever is done to the wall clock.
#include <gtest/gtest.h>

#include "catalog/undo_time.h"
#include "catalog_fixture.h"

namespace restored::catalog::test {
namespace {

constexpr UnixMillis ten_years = 10ll * 365 * 24 * 3600 * 1000;
constexpr UnixMillis hour = 3600 * 1000;
constexpr UnixMillis again = std::chrono::milliseconds(undo_time_checked_again).count();

class UndoTimeTest : public CatalogTest {
 protected:
  // With a previous generation, for an hour.
  UndoTimeTest() : database_(create("db")) {
    put(*database_, "key", "value");
    EXPECT_TRUE(database_->replace_all({}, nullptr));
  }
  void set_wall(UnixMillis by) { clock_.set(clock_.wall() + by); }
  bool kept_after(UnixMillis time) {
    clock_.advance(time);
    EXPECT_TRUE(database_->retire_expired());
    return database_->state().previous.has_value();
  }
  void reopen() { database_ = reopened(std::move(database_), "db"); }

  std::unique_ptr<Database> database_;
};

TEST_F(UndoTimeTest, AWallClockThatLeapsAheadEndsNothing) {
  set_wall(ten_years);
  EXPECT_TRUE(kept_after(hour - 1));
  EXPECT_FALSE(kept_after(1));
}

TEST_F(UndoTimeTest, AWallClockThatIsSetBackKeepsNothingForEver) {
  set_wall(-ten_years);
  EXPECT_TRUE(kept_after(hour - 1));
  EXPECT_FALSE(kept_after(1));
}

TEST_F(UndoTimeTest, TheNextSwapHasAllItsTime) {
  EXPECT_TRUE(kept_after(hour - 1));
  put(*database_, "another", "value");
  EXPECT_TRUE(database_->replace_all({}, nullptr));
  EXPECT_TRUE(kept_after(hour - 1));
  EXPECT_FALSE(kept_after(1));
}

TEST_F(UndoTimeTest, WhatIsLeftAtAnOpeningIsLeft) {
  EXPECT_TRUE(kept_after(hour / 2));
  reopen();
  EXPECT_TRUE(kept_after(hour / 2 - 1));
  EXPECT_FALSE(kept_after(1));
}

TEST_F(UndoTimeTest, AWallClockThatIsAheadAtAnOpeningHasTimeToBePutRight) {
  set_wall(ten_years);
  reopen();
  EXPECT_TRUE(kept_after(again - 1));
  set_wall(-ten_years);
  EXPECT_TRUE(kept_after(hour - again));
  EXPECT_FALSE(kept_after(1));
}

TEST_F(UndoTimeTest, AWallClockThatIsBehindAfterAnOpeningKeepsNothingForEver) {
  reopen();
  set_wall(-ten_years);
  EXPECT_TRUE(kept_after(hour - 1));
  EXPECT_FALSE(kept_after(1));
}

TEST_F(UndoTimeTest, AWallClockThatWasAheadAtTheSwapKeepsNothingForEver) {
  set_wall(ten_years);
  put(*database_, "another", "value");
  EXPECT_TRUE(database_->replace_all({}, nullptr));
  set_wall(-ten_years);
  reopen();
  EXPECT_TRUE(kept_after(hour - 1));
  EXPECT_FALSE(kept_after(1));
}

TEST_F(UndoTimeTest, AWallClockThatIsBehindAtAnOpeningKeepsNothingForEver) {
  set_wall(-ten_years);
  reopen();
  EXPECT_TRUE(kept_after(hour - 1));
  EXPECT_FALSE(kept_after(1));
}

TEST_F(UndoTimeTest, OneThatEndedWhileItWasClosedIsOverSoonAfterTheOpening) {
  clock_.advance(2 * hour);
  reopen();
  EXPECT_TRUE(kept_after(again - 1));
  EXPECT_FALSE(kept_after(1));
}

}  // namespace
}  // namespace restored::catalog::test
