#include "base/wait_board.h"

#include <gtest/gtest.h>

#include <utility>

#include "base/object_versions.h"
#include "support/wait_until.h"

namespace restored {
namespace {

TEST(WaitBoardTest, AFreshCallIsNotWorthTelling) {
  WaitBoard board;
  const auto entry = WaitBoard::post(&board, "the object store at example:1");
  EXPECT_FALSE(board.current());
}

TEST(WaitBoardTest, AFailedAttemptIsToldAtOnceWithItsReason) {
  WaitBoard board;
  auto entry = WaitBoard::post(&board, "the object store at example:1");
  entry.attempt_failed("503 SlowDown", 3);
  const auto wait = board.current();
  ASSERT_TRUE(wait);
  EXPECT_EQ(wait->reason, "503 SlowDown");
  EXPECT_EQ(wait->attempts, 3u);
  EXPECT_GT(wait->since, 0);
}

TEST(WaitBoardTest, TheEndOfAnEntryTakesItOff) {
  WaitBoard board;
  {
    auto entry = WaitBoard::post(&board, "a");
    entry.attempt_failed("b", 2);
    auto moved = std::move(entry);
    EXPECT_TRUE(board.current());
    auto held = WaitBoard::post(&board, "c");
    held = std::move(moved);  // takes "c" off, keeps "b"
    EXPECT_EQ(board.current()->reason, "b");
    auto& self = held;
    held = std::move(self);
    EXPECT_TRUE(board.current());
  }
  EXPECT_FALSE(board.current());
}

TEST(WaitBoardTest, TheOldestOfSeveralIsTold) {
  WaitBoard board;
  auto first = WaitBoard::post(&board, "a");
  auto second = WaitBoard::post(&board, "b");
  first.attempt_failed("first", 2);
  second.attempt_failed("second", 2);
  EXPECT_EQ(board.current()->reason, "first");
  first.remove();
  EXPECT_EQ(board.current()->reason, "second");
}

// A store that is away is told, also while a limit on bandwidth is waited for; and no longer than
// it is away.
TEST(WaitBoardTest, AFailedAttemptIsToldBeforeALongerWait) {
  WaitBoard board;
  const auto limit = WaitBoard::post(&board, "the limit");
  ASSERT_TRUE(test::wait_until([&] { return board.current().has_value(); }));
  auto call = WaitBoard::post(&board, "the store");
  EXPECT_EQ(board.current()->reason, "the limit");
  call.attempt_failed("503 SlowDown", 1);
  EXPECT_EQ(board.current()->reason, "503 SlowDown");
  EXPECT_TRUE(test::wait_until([&] {
    call.progress();
    return board.current()->reason == "the limit";
  }));
}

TEST(WaitBoardTest, WithoutABoardNothingHappens) {
  auto entry = WaitBoard::post(nullptr, "a");
  entry.progress();
  entry.attempt_failed("b", 2);
  entry.remove();
}

TEST(ObjectVersionsTest, AnotherVersionOfAnObjectIsNoticed) {
  ObjectVersions versions;
  EXPECT_EQ(versions.expected("a"), "");
  EXPECT_TRUE(versions.note("a", "1"));
  EXPECT_TRUE(versions.note("a", "1"));
  EXPECT_EQ(versions.expected("a"), "1");
  EXPECT_FALSE(versions.note("a", "2"));
  EXPECT_TRUE(versions.note("b", "2"));
  versions.forget("a");
  EXPECT_TRUE(versions.note("a", "2"));
}

}  // namespace
}  // namespace restored
