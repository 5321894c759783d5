// Which of the ended operations stay on record.
#include "restore/operation_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/shifted_clock.h"
#include "support/temporary_directory.h"

namespace restored::restore {
namespace {

class OperationTableTest : public ::testing::Test {
 protected:
  OperationTableTest()
      : registry_(registry::Registry::open(directory_.file("registry")).value()),
        table_(*registry_, clock_) {}
  ~OperationTableTest() override { EXPECT_TRUE(registry_->close()); }

  OperationTable::Pointer begin(const std::string& id) {
    registry::OperationRecord record;
    record.view.id = OperationId(id);
    record.view.database = DatabaseId("orders");
    record.view.kind = OperationKind::restore;
    return table_.create(record).value();
  }
  void run(const std::string& id) {
    const OperationTable::Pointer operation = begin(id);
    clock_.advance(std::chrono::seconds(1));
    ASSERT_TRUE(operation->settle({}));
    operation->announce();
  }
  std::vector<std::string> known() const {
    std::vector<std::string> ids;
    for (const OperationView& view : table_.views()) ids.push_back(view.id.value);
    return ids;
  }
  std::vector<std::string> recorded() const {
    std::vector<std::string> ids;
    for (const registry::OperationRecord& record : registry_->operations())
      ids.push_back(record.view.id.value);
    return ids;
  }

  const test::TemporaryDirectory directory_;
  const std::unique_ptr<registry::Registry> registry_;
  test::ShiftedClock clock_;
  OperationTable table_;
};

using Ids = std::vector<std::string>;

TEST_F(OperationTableTest, OfMoreThanAreKeptThoseThatEndedLastStay) {
  for (const char* id : {"1", "2", "3", "4", "5"}) run(id);
  ASSERT_TRUE(table_.forget_old(0, 3));
  EXPECT_EQ(known(), (Ids{"5", "4", "3"}));
  EXPECT_EQ(recorded(), (Ids{"5", "4", "3"}));
  EXPECT_FALSE(table_.find(OperationId("2")).has_value());
}

TEST_F(OperationTableTest, OneThatRunsStaysHoweverOldItIs) {
  begin("running");
  for (const char* id : {"1", "2", "3"}) run(id);
  ASSERT_TRUE(table_.forget_old(0, 1));
  EXPECT_EQ(known(), (Ids{"3", "running"}));
  EXPECT_EQ(recorded(), (Ids{"3", "running"}));
}

TEST_F(OperationTableTest, AsManyAsAreKeptAllStay) {
  for (const char* id : {"1", "2", "3"}) run(id);
  ASSERT_TRUE(table_.forget_old(0, 3));
  EXPECT_EQ(known(), (Ids{"3", "2", "1"}));
}

TEST_F(OperationTableTest, WhatEndedBeforeGoesThoughItIsNotTooMuch) {
  run("old");
  clock_.advance(std::chrono::hours(1));
  run("new");
  ASSERT_TRUE(table_.forget_old(clock_.wall() - 60'000, 10));
  EXPECT_EQ(known(), Ids{"new"});
  EXPECT_EQ(recorded(), Ids{"new"});
}

}  // namespace
}  // namespace restored::restore
