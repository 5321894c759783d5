// The model itself: histories that are right are taken, and bad ones are found.
#include <gtest/gtest.h>

#include <chrono>

#include "database_model.h"

namespace restored::crash_test {
namespace {

class ModelTest : public ::testing::Test {
 protected:
  static Time now() { return std::chrono::steady_clock::now(); }
  void write(std::uint64_t generation, const std::string& key, const std::string& value) {
    const Time began = now();
    model_.begin(0, {{key, value}});
    model_.acknowledged(0, generation, began);
  }
  BackupPointer back_up() {
    const DatabaseModel::Cut cut = model_.begin_backup();
    write(1, "a:1", "during");
    auto backup = std::make_shared<BackupModel>();
    backup->id = "b";
    EXPECT_EQ(model_.complete_backup(cut, *backup), "");
    return backup;
  }

  std::mutex mutex_;
  DatabaseModel model_{mutex_, {1, std::nullopt}};
};

TEST_F(ModelTest, AcknowledgedWritesMustBeThere) {
  write(1, "a:1", "x");
  write(1, "a:2", "y");
  EXPECT_NE(model_.check({{"a:1", "x"}}), "");
  EXPECT_EQ(model_.check({{"a:1", "x"}, {"a:2", "y"}}), "");
}

TEST_F(ModelTest, AnUnansweredTransactionIsThereAsAWholeOrNotAtAll) {
  write(1, "a:1", "x");
  model_.begin(0, {{"a:1", "y"}, {"a:2", "z"}});
  EXPECT_NE(model_.check({{"a:1", "y"}}), "");
  EXPECT_EQ(model_.check({{"a:1", "y"}, {"a:2", "z"}}), "");
  EXPECT_NE(model_.check({{"a:1", "x"}}), "") << "once seen it stays";
}

TEST_F(ModelTest, KeysThatNobodyWroteAreFound) {
  EXPECT_NE(model_.check({{"c:1", "x"}}), "");
}

TEST_F(ModelTest, ARestoreBringsTheBackupAndWhatWasWrittenSince) {
  write(1, "a:1", "x");
  const BackupPointer backup = back_up();
  write(1, "a:1", "old");
  model_.begin_swap(Swap::restore, backup);
  write(2, "a:2", "new");
  EXPECT_EQ(model_.settle(Happened::unknown, {2, 1}), "");
  EXPECT_NE(model_.check({{"a:1", "old"}, {"a:2", "new"}}), "") << "a mixture";
  EXPECT_EQ(model_.check({{"a:1", "x"}, {"a:2", "new"}}), "");
}

TEST_F(ModelTest, TwoRestoresOfOneBackupBringTheSame) {
  write(1, "a:1", "x");
  const BackupPointer backup = back_up();
  model_.begin_swap(Swap::restore, backup);
  EXPECT_EQ(model_.settle(Happened::yes, {2, 1}), "");
  EXPECT_EQ(model_.check({{"a:1", "x"}}), "");
  model_.begin_swap(Swap::restore, backup);
  EXPECT_EQ(model_.settle(Happened::yes, {3, 2}), "");
  EXPECT_NE(model_.check({{"a:1", "during"}}), "");
}

TEST_F(ModelTest, AnUndoBringsBackExactlyWhatWasThere) {
  write(1, "a:1", "x");
  model_.begin_swap(Swap::flush);
  EXPECT_EQ(model_.settle(Happened::yes, {2, 1}), "");
  write(2, "a:1", "y");
  model_.begin_swap(Swap::undo);
  EXPECT_NE(model_.settle(Happened::yes, {3, 2}), "") << "another generation";
  model_.begin_swap(Swap::undo);
  EXPECT_EQ(model_.settle(Happened::yes, {1, 2}), "");
  EXPECT_NE(model_.check({{"a:1", "y"}}), "");
  EXPECT_EQ(model_.check({{"a:1", "x"}}), "");
}

TEST_F(ModelTest, ASwapThatWasAcknowledgedIsThereAndOneThatWasRefusedIsNot) {
  write(1, "a:1", "x");
  model_.begin_swap(Swap::flush);
  EXPECT_NE(model_.settle(Happened::yes, {1, std::nullopt}), "");
  EXPECT_NE(model_.settle(Happened::no, {2, 1}), "");
  EXPECT_EQ(model_.settle(Happened::no, {1, std::nullopt}), "");
  EXPECT_NE(model_.settle(Happened::unknown, {2, 1}), "") << "nobody asked for it";
}

TEST_F(ModelTest, AFlushOfNothingSwapsNothing) {
  model_.begin_swap(Swap::flush);
  EXPECT_EQ(model_.settle(Happened::yes, {1, std::nullopt}), "");
}

TEST_F(ModelTest, AGenerationThatWasWrittenToDoesNotGo) {
  model_.begin_swap(Swap::flush);
  write(2, "a:1", "x");
  EXPECT_NE(model_.settle(Happened::unknown, {1, std::nullopt}), "");
}

TEST_F(ModelTest, AnUndoThatWasWrittenToDoesNotGo) {
  write(1, "a:1", "x");
  model_.begin_swap(Swap::flush);
  EXPECT_EQ(model_.settle(Happened::yes, {2, 1}), "");
  model_.begin_swap(Swap::undo);
  write(1, "a:1", "y");
  EXPECT_NE(model_.settle(Happened::unknown, {2, 1}), "");
}

TEST_F(ModelTest, ThePreviousGenerationIsKeptWhileItsTimeLasts) {
  write(1, "a:1", "x");
  model_.begin_swap(Swap::flush);
  EXPECT_NE(model_.settle(Happened::yes, {2, std::nullopt}), "");
  model_.previous_may_end(true);
  EXPECT_EQ(model_.settle(Happened::yes, {2, std::nullopt}), "");
}

TEST_F(ModelTest, AWriteToAnotherGenerationThanTheLiveOneIsFound) {
  write(7, "a:1", "x");
  EXPECT_NE(model_.problem(), "");
}

}  // namespace
}  // namespace restored::crash_test
