// Histories that are right, and look wrong in some way: none may be refused.
#include <gtest/gtest.h>

#include "checker.h"
#include "made_history.h"

namespace restored::history {
namespace {

using Role = Operation::Role;

void expect_explained(const HandMade& made) {
  const Verdict verdict = check(made.history());
  EXPECT_EQ(verdict.kind, Verdict::Kind::explained) << verdict.message;
  EXPECT_TRUE(some_order_explains(made.history())) << "the slow judge agrees";
}

TEST(CheckerGoodTest, ReadsOfBothSidesAroundTheSwap) {
  HandMade made(Content{{"a", "old"}});
  made.operation(0, 0, 10, {get("a", "old")})
      .operation(1, 40, 60, {get("a", "old")})
      .operation(0, 45, 55, {get("a", "new")})
      .operation(1, 70, 80, {get("a", "new")})
      .restore(20, 100, {{"a", "new"}});
  expect_explained(made);
}

TEST(CheckerGoodTest, AWriteDuringTheSwapMayStandOnEitherSide) {
  for (const char* seen : {"restored", "written"}) {
    HandMade made(Content{{"a", "old"}});
    made.operation(0, 10, 90, {set("a", "written")})
        .operation(1, 95, 99, {get("a", seen)})
        .restore(0, 94, {{"a", "restored"}});
    expect_explained(made);
  }
}

TEST(CheckerGoodTest, AcknowledgedWritesBeforeTheSwapAreGoneBehindIt) {
  HandMade made(Content{{"a", "old"}});
  made.operation(0, 10, 20, {set("a", "written")})
      .operation(0, 21, 22, {get("a", "written")})
      .operation(0, 80, 90, {get("a", Value())})
      .restore(30, 70, {});
  expect_explained(made);
}

TEST(CheckerGoodTest, UndoBringsBackWhatWasLeft) {
  HandMade made(Content{{"a", "old"}, {"n", "5"}});
  made.operation(0, 10, 20, {set("a", "written")})
      .operation(1, 12, 25, {incr("n", 6)})
      .operation(0, 80, 90, {get("a", "restored")})
      .operation(1, 81, 91, {incr("n", 2)})
      .operation(0, 180, 190, {get("a", "written")})
      .operation(1, 181, 191, {incr("n", 7)})
      .restore(30, 70, {{"a", "restored"}, {"n", "1"}})
      .undo(100, 170);
  expect_explained(made);
}

TEST(CheckerGoodTest, AnUndoneUndoIsTheRestoredContentWithItsWrites) {
  HandMade made(Content{{"a", "old"}});
  made.operation(0, 30, 40, {set("a", "written")})
      .operation(0, 70, 80, {get("a", "old")})
      .operation(0, 110, 120, {get("a", "written")})
      .restore(10, 20, {{"a", "restored"}})
      .undo(50, 60)
      .undo(90, 100);
  expect_explained(made);
}

TEST(CheckerGoodTest, ALostWriteMayHaveHappenedOrNotOrLate) {
  for (const char* seen : {"old", "lost"}) {
    HandMade made(Content{{"a", "old"}});
    made.lost(0, 5, {set("a", "lost")})
        .operation(1, 10, 20, {get("a", "old")})
        .operation(1, 30, 40, {get("a", seen)});
    expect_explained(made);
  }
}

TEST(CheckerGoodTest, ALostWriteMayComeBehindTheSwap) {
  HandMade made(Content{{"a", "old"}});
  made.lost(0, 5, {set("a", "lost")})
      .operation(1, 60, 65, {get("a", "restored")})
      .operation(1, 70, 80, {get("a", "lost")})
      .restore(20, 50, {{"a", "restored"}});
  expect_explained(made);
}

TEST(CheckerGoodTest, ConcurrentWritesInTheOrderThatReadsTell) {
  HandMade made(Content{});
  made.operation(0, 0, 100, {set("a", "x"), set("b", "x")})
      .operation(1, 0, 100, {set("a", "y"), set("b", "y")})
      .operation(2, 10, 20, {get("a", "y"), get("b", "y")})
      .operation(2, 30, 40, {get("a", "x"), get("b", "x")});
  expect_explained(made);
}

TEST(CheckerGoodTest, AScanThatCrossesTheSwapMissesWhatWasNotThereAllTheTime) {
  HandMade made(Content{{"a", "1"}, {"b", "1"}, {"d", "1"}});
  made.operation(0, 0, 10, {named("a"), named("b")}, Role::first_page)
      .operation(0, 80, 90, {named("e")}, Role::last_page, {"a", "b", "e"})
      .restore(20, 70, {{"a", "2"}, {"c", "2"}, {"e", "2"}});
  expect_explained(made);
}

TEST(CheckerGoodTest, AnUndisturbedWatchLetsExecThrough) {
  HandMade made(Content{{"a", "old"}});
  made.watch(0, 0, 10, {"a"})
      .operation(1, 5, 30, {set("a", "before the watch")})
      .operation(0, 20, 40, {get("a", "before the watch"), set("a", "done")}, Role::guarded)
      .operation(1, 41, 50, {get("a", "done")});
  expect_explained(made);
}

TEST(CheckerGoodTest, ASwapThatMayHaveComeBetweenExplainsARefusedExec) {
  HandMade made(Content{{"a", "old"}});
  made.watch(0, 0, 10, {"a"})
      .operation(0, 20, 40, {}, Role::aborted)
      .restore(35, 90, {{"a", "new"}});
  expect_explained(made);
}

TEST(CheckerGoodTest, CountsAndFlagsOnBothSides) {
  HandMade made(Content{{"a", "1"}, {"b", "2"}});
  made.operation(0, 0, 5, {dbsize(2)})
      .operation(0, 6, 10, {getdel("a", "1")})
      .operation(1, 11, 15, {set_nx("a", "2", true)})
      .operation(1, 16, 20, {set_nx("a", "3", false)})
      .operation(0, 21, 25, {dbsize(2)})
      .operation(0, 60, 65, {dbsize(1)})
      .operation(1, 66, 70, {set_nx("a", "4", true)})
      .restore(30, 50, {{"b", "9"}});
  expect_explained(made);
}

}  // namespace
}  // namespace restored::history
