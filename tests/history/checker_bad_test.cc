// Histories that are wrong: each is refused, and the message names the operations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checker.h"
#include "made_history.h"

namespace restored::history {
namespace {

using Role = Operation::Role;
using ::testing::HasSubstr;

void expect_refused(const HandMade& made, const std::vector<std::string>& names) {
  const Verdict verdict = check(made.history());
  EXPECT_EQ(verdict.kind, Verdict::Kind::refused) << verdict.message;
  for (const std::string& operation : names) EXPECT_THAT(verdict.message, HasSubstr(operation));
  EXPECT_FALSE(some_order_explains(made.history())) << "the slow judge agrees";
}

const Content old_content = {{"a", "old-a"}, {"b", "old-b"}};
const Content new_content = {{"a", "new-a"}, {"b", "new-b"}};

TEST(CheckerBadTest, AStaleReadBehindTheSwap) {
  HandMade made(old_content);
  made.operation(0, 0, 10, {get("a", "old-a")})
      .operation(1, 40, 50, {get("a", "new-a")})
      .operation(0, 51, 60, {get("a", "old-a")})
      .restore(20, 100, new_content);
  expect_refused(made, {"c1#0", "c0#1", "restore 1"});
}

TEST(CheckerBadTest, AStaleReadBehindTheRestoresEnd) {
  HandMade made(old_content);
  made.operation(0, 101, 110, {get("a", "old-a")}).restore(20, 100, new_content);
  expect_refused(made, {"c0#0"});
}

TEST(CheckerBadTest, RestoredContentBeforeTheRestoreBegan) {
  HandMade made(old_content);
  made.operation(0, 5, 15, {get("a", "new-a")}).restore(20, 100, new_content);
  expect_refused(made, {"c0#0"});
}

TEST(CheckerBadTest, OneMgetOfBothSides) {
  HandMade made(old_content);
  made.operation(0, 30, 90, {get("a", "old-a"), get("b", "new-b")}).restore(20, 100, new_content);
  expect_refused(made, {"c0#0"});
}

TEST(CheckerBadTest, OneMgetOfAWriteBeforeTheSwapAndTheRestoredContent) {
  HandMade made(old_content);
  made.operation(1, 0, 10, {set("a", "written")})
      .operation(0, 30, 90, {get("a", "written"), get("b", "new-b")})
      .restore(20, 100, new_content);
  expect_refused(made, {"c0#0", "c1#0"});
}

TEST(CheckerBadTest, AnExecTornOverTheSwap) {
  HandMade made(old_content);
  made.operation(0, 30, 60, {set("a", "exec-a"), set("b", "exec-b")})
      .operation(1, 110, 120, {get("a", "exec-a"), get("b", "new-b")})
      .restore(20, 100, new_content);
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, AnExecThatReadBeforeTheSwapAndWroteBehindIt) {
  HandMade made(old_content);
  made.operation(0, 30, 60, {get("a", "old-a"), set("b", "exec-b")})
      .operation(1, 110, 120, {get("b", "exec-b")})
      .restore(20, 100, new_content);
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, AnExecSeenHalfDone) {
  HandMade made(old_content);
  made.operation(0, 30, 60, {set("a", "exec-a"), set("b", "exec-b")})
      .operation(1, 35, 50, {get("a", "exec-a"), get("b", "old-b")});
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, AMsetSeenInOneOrderOnOneKeyAndInTheOtherOnTheOther) {
  HandMade made(Content{});
  made.operation(0, 0, 10, {set("a", "x"), set("b", "x")})
      .operation(1, 0, 10, {set("a", "y"), set("b", "y")})
      .operation(2, 20, 30, {get("a", "x")})
      .operation(2, 31, 40, {get("b", "y")});
  expect_refused(made, {"c2#1", "c0#0"});
}

TEST(CheckerBadTest, ALostAcknowledgedWrite) {
  HandMade made(old_content);
  made.operation(0, 30, 40, {set("a", "written")}).operation(1, 50, 60, {get("a", "old-a")});
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, ALostAcknowledgedWriteBehindTheSwap) {
  HandMade made(old_content);
  made.operation(1, 30, 35, {get("b", "new-b")})
      .operation(0, 40, 50, {set("a", "written")})
      .operation(1, 60, 70, {get("a", "new-a")})
      .restore(20, 100, new_content);
  expect_refused(made, {"c1#1", "c0#0"});
}

TEST(CheckerBadTest, AWriteOfBeforeTheSwapBehindIt) {
  HandMade made(old_content);
  made.operation(0, 5, 10, {set("a", "written")})
      .operation(1, 110, 120, {get("a", "written")})
      .restore(20, 100, new_content);
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, AnIncrThatRepeatsANumber) {
  HandMade made(Content{{"n", "5"}});
  made.operation(0, 0, 10, {incr("n", 6)}).operation(1, 5, 15, {incr("n", 6)});
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, AnIncrThatLeavesANumberOut) {
  HandMade made(Content{{"n", "5"}});
  made.operation(0, 0, 10, {incr("n", 6)}).operation(1, 11, 15, {incr("n", 8)});
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, AGetdelOfWhatIsGone) {
  HandMade made(old_content);
  made.operation(0, 0, 10, {getdel("a", "old-a")}).operation(1, 5, 15, {getdel("a", "old-a")});
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, ASetNxThatSucceedsTwice) {
  HandMade made(Content{});
  made.operation(0, 0, 10, {set_nx("a", "x", true)}).operation(1, 5, 15, {set_nx("a", "y", true)});
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, ASetNxThatIsRefusedByNothing) {
  HandMade made(Content{{"a", "x"}});
  made.operation(0, 0, 10, {getdel("a", "x")}).operation(1, 11, 15, {set_nx("a", "y", false)});
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, TwoKeysSwappedAtDifferentInstants) {
  HandMade made(old_content);
  made.operation(0, 30, 40, {get("a", "new-a")})
      .operation(1, 50, 60, {get("b", "old-b")})
      .restore(20, 100, new_content);
  expect_refused(made, {"c0#0", "c1#0", "restore 1"});
}

TEST(CheckerBadTest, TwoKeysSwappedAtDifferentInstantsSeenThroughWritesOnly) {
  HandMade made(Content{});
  made.operation(0, 22, 25, {set("b", "written")})
      .operation(1, 30, 40, {get("a", "new-a")})
      .operation(0, 45, 50, {set("c", "late")})
      .operation(2, 110, 120, {get("c", Value())})
      .restore(20, 100, {{"a", "new-a"}});
  expect_refused(made, {"c2#0", "c0#1"});
}

TEST(CheckerBadTest, AKeyThatComesBack) {
  HandMade made(old_content);
  made.operation(0, 0, 10, {getdel("a", "old-a")})
      .operation(1, 11, 20, {get("a", Value())})
      .operation(1, 21, 30, {get("a", "old-a")});
  expect_refused(made, {"c1#1", "c0#0"});
}

TEST(CheckerBadTest, AKeyThatComesBackOnlyAfterTheUndo) {
  HandMade made(old_content);
  made.operation(0, 0, 10, {getdel("a", "old-a")})
      .operation(1, 180, 190, {get("a", "old-a")})
      .restore(20, 70, new_content)
      .undo(100, 170);
  expect_refused(made, {"c1#0", "c0#0"});
}

TEST(CheckerBadTest, AnUndoThatBringsBackTheBackupAndNotWhatWasThere) {
  HandMade made(old_content);
  made.operation(0, 0, 10, {set("a", "written")})
      .operation(1, 180, 190, {get("a", "new-a")})
      .restore(20, 70, new_content)
      .undo(100, 170);
  expect_refused(made, {"c1#0"});
}

TEST(CheckerBadTest, AWatchThatShouldHaveFailedForAWrite) {
  HandMade made(old_content);
  made.watch(0, 0, 10, {"a"})
      .operation(1, 12, 18, {set("a", "disturbed")})
      .operation(0, 20, 30, {set("b", "done")}, Role::guarded);
  expect_refused(made, {"c0#1", "c1#0"});
}

TEST(CheckerBadTest, AWatchThatShouldHaveFailedForTheSwap) {
  HandMade made(old_content);
  made.watch(0, 0, 10, {"a"})
      .operation(0, 80, 90, {set("b", "done")}, Role::guarded)
      .restore(20, 70, {{"a", "old-a"}});
  expect_refused(made, {"c0#1", "restore 1"});
}

TEST(CheckerBadTest, AWatchThatFailedForNothing) {
  HandMade made(old_content);
  made.watch(0, 30, 40, {"a"})
      .operation(1, 32, 38, {set("b", "another key")})
      .operation(1, 41, 42, {get("a", "old-a")})
      .operation(0, 50, 60, {}, Role::aborted);
  const Verdict verdict = check(made.history());
  EXPECT_EQ(verdict.kind, Verdict::Kind::refused);
  EXPECT_THAT(verdict.message, HasSubstr("c0#1"));
}

TEST(CheckerBadTest, AScanThatLeavesOutWhatWasThereAllTheTime) {
  HandMade made(Content{{"a", "1"}, {"b", "1"}});
  made.operation(1, 0, 10, {set("k", "kept")})
      .operation(0, 20, 30, {named("a")}, Role::first_page)
      .operation(0, 90, 99, {named("b")}, Role::last_page, {"a", "b"})
      .restore(40, 80, {{"b", "2"}, {"k", "restored"}});
  expect_refused(made, {"c0#1", "k = \"restored\""});
}

TEST(CheckerBadTest, AScanThatNamesWhatIsGone) {
  HandMade made(old_content);
  made.operation(1, 0, 10, {getdel("a", "old-a")})
      .operation(0, 20, 30, {named("a"), named("b")}, Role::only_page, {"a", "b"});
  expect_refused(made, {"c0#0", "c1#0"});
}

TEST(CheckerBadTest, APageOfBothSides) {
  HandMade made(Content{{"a", "1"}});
  made.operation(0, 30, 90, {named("a"), named("b")}, Role::only_page, {"a", "b"})
      .restore(20, 100, {{"b", "2"}});
  expect_refused(made, {"c0#0"});
}

TEST(CheckerBadTest, ACountOfBothSides) {
  HandMade made(Content{{"a", "1"}, {"b", "1"}});
  made.operation(0, 30, 90, {dbsize(3)}).restore(20, 100, {{"c", "2"}});
  expect_refused(made, {"c0#0"});
}

TEST(CheckerBadTest, AValueThatNobodyWrote) {
  HandMade made(old_content);
  made.operation(0, 30, 90, {get("a", "from nowhere")});
  expect_refused(made, {"c0#0", "from nowhere"});
}

TEST(CheckerBadTest, AValueBeforeItWasWritten) {
  HandMade made(old_content);
  made.operation(0, 0, 10, {get("a", "future")}).operation(1, 20, 30, {set("a", "future")});
  expect_refused(made, {"c0#0", "c1#0"});
}

TEST(CheckerBadTest, AnErrorAcrossTheSwap) {
  HandMade made(old_content);
  made.operation(0, 30, 40, {get("a", "old-a")}).restore(20, 100, new_content);
  made.history().operations[0].error = "LOADING";
  const Verdict verdict = check(made.history());
  EXPECT_EQ(verdict.kind, Verdict::Kind::refused);
  EXPECT_THAT(verdict.message, HasSubstr("c0#0"));
}

TEST(CheckerBadTest, MoreThanCanBeDecidedIsNoSuccess) {
  HandMade made(Content{});
  for (std::size_t client = 0; client < 70; ++client) {
    made.lost(client, static_cast<Moment>(client), {set("a", "v" + std::to_string(client))});
  }
  made.operation(70, 100, 110, {get("a", "v3")});
  const Verdict verdict = check(made.history());
  EXPECT_EQ(verdict.kind, Verdict::Kind::undecided);
  EXPECT_FALSE(verdict.explained());
}

}  // namespace
}  // namespace restored::history
