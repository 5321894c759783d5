// The commands of a day: in memory at once, on record after flush().
#include <gtest/gtest.h>

#include "open_registry.h"

namespace restored::registry {
namespace {

class UsageTest : public OpenRegistryTest {
 protected:
  void SetUp() override {
    OpenRegistryTest::SetUp();
    for (const DatabaseId& id : {a_, b_}) {
      DatabaseRecord record;
      record.id = id;
      EXPECT_TRUE(registry_->put_database(record));
    }
  }
  UsageStore& usage() { return registry_->usage(); }
  // "day:commands day:commands"
  std::string told(const DatabaseId& id, std::uint32_t first = 0, std::uint32_t last = 1000) {
    std::string text;
    for (const DailyCommands& day : usage().of(id, first, last)) {
      text += std::to_string(day.day) + ":" + std::to_string(day.commands) + " ";
    }
    return text;
  }

  const DatabaseId a_{"aaaaaaaaaaaaaaaaaaaaaaaa"};
  const DatabaseId b_{"bbbbbbbbbbbbbbbbbbbbbbbb"};
};

TEST_F(UsageTest, IsCountedByDatabaseAndDay) {
  usage().count(a_, 10, 5);
  usage().count(a_, 10, 2);
  usage().count(a_, 9, 1);
  usage().count(b_, 10, 4);
  EXPECT_EQ(told(a_), "9:1 10:7 ") << "before it is on record";
  EXPECT_EQ(told(b_), "10:4 ");
  EXPECT_EQ(told(a_, 10, 10), "10:7 ");
  EXPECT_EQ(told(a_, 11, 12), "");
  EXPECT_EQ(told(DatabaseId("nobody")), "");
}

TEST_F(UsageTest, WhatWasFlushedOutlivesTheProcessAndGoesOn) {
  usage().count(a_, 10, 5);
  ASSERT_TRUE(usage().flush());
  usage().count(a_, 10, 1);  // a crash loses this one
  reopen();
  EXPECT_EQ(told(a_), "10:5 ");
  usage().count(a_, 10, 2);
  ASSERT_TRUE(usage().flush());
  ASSERT_TRUE(usage().flush()) << "nothing to write";
  reopen();
  EXPECT_EQ(told(a_), "10:7 ");
}

TEST_F(UsageTest, OldDaysAreForgottenForGood) {
  for (std::uint32_t day = 1; day <= 5; ++day) usage().count(a_, day, day);
  ASSERT_TRUE(usage().flush());
  usage().count(b_, 2, 9);  // never on record
  ASSERT_TRUE(usage().forget_before(4));
  EXPECT_EQ(told(a_), "4:4 5:5 ");
  EXPECT_EQ(told(b_), "");
  ASSERT_TRUE(usage().flush());
  reopen();
  EXPECT_EQ(told(a_), "4:4 5:5 ");
  EXPECT_EQ(told(b_), "");
}

TEST_F(UsageTest, ADatabaseTakesItsDaysAlong) {
  usage().count(a_, 10, 5);
  usage().count(b_, 10, 6);
  ASSERT_TRUE(usage().flush());
  usage().count(a_, 11, 5);
  ASSERT_TRUE(registry_->remove_database(a_));
  EXPECT_EQ(told(a_), "");
  ASSERT_TRUE(usage().flush());
  reopen();
  EXPECT_EQ(told(a_), "");
  EXPECT_EQ(told(b_), "10:6 ");
}

TEST_F(UsageTest, ALogicalIdIsKept) {
  DatabaseRecord record = *registry_->database(a_);
  EXPECT_EQ(record.logical_id, "");
  record.logical_id = "orders/\"eu\"";
  ASSERT_TRUE(registry_->put_database(record));
  reopen();
  EXPECT_EQ(registry_->database(a_)->logical_id, "orders/\"eu\"");
  EXPECT_EQ(registry_->database(b_)->logical_id, "");
}

// A flush that runs beside the removal may write what the removal has just erased.
TEST_F(UsageTest, WhatIsOnRecordOfARemovedDatabaseGoesAtTheNextStart) {
  usage().count(b_, 10, 6);
  ASSERT_TRUE(registry_->remove_database(a_));
  usage().count(a_, 10, 5);
  ASSERT_TRUE(usage().flush());
  EXPECT_EQ(told(a_), "10:5 ");
  reopen();
  EXPECT_EQ(told(a_), "");
  EXPECT_EQ(told(b_), "10:6 ");
  DatabaseRecord record;
  record.id = a_;
  ASSERT_TRUE(registry_->put_database(record));
  reopen();
  EXPECT_EQ(told(a_), "") << "it is not on disk any more";
}

}  // namespace
}  // namespace restored::registry
