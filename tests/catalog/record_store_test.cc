#include "catalog/record_store.h"

#include <gtest/gtest.h>

#include "support/temporary_directory.h"

namespace restored::catalog::test {
namespace {

class RecordStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<RecordStore> open() {
    auto store = RecordStore::open(directory_.file("deep/records"));
    EXPECT_TRUE(store) << store.error().message;
    return store ? std::move(*store) : nullptr;
  }
  static std::vector<std::string> keys(const RecordStore& store, std::string_view prefix,
                                       std::size_t limit = 100) {
    std::vector<std::string> keys;
    const auto scanned = store.scan(prefix, [&](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return keys.size() < limit;
    });
    EXPECT_TRUE(scanned);
    return keys;
  }
  restored::test::TemporaryDirectory directory_;
};

TEST_F(RecordStoreTest, KeepsRecordsAcrossReopenings) {
  auto store = open();
  WriteSet changes;
  changes.put("a", "1");
  changes.put("b", std::string("\0binary", 7));
  changes.put("c", "3");
  changes.erase("c");
  ASSERT_TRUE(store->write(changes));
  ASSERT_TRUE(store->close());
  store = open();
  EXPECT_EQ(store->get("a").value(), "1");
  EXPECT_EQ(store->get("b").value(), std::string("\0binary", 7));
  EXPECT_EQ(store->get("c").value(), std::nullopt);
}

TEST_F(RecordStoreTest, ScansAPrefixInOrderUntilToldToStop) {
  auto store = open();
  WriteSet changes;
  for (const char* key : {"o/2", "o/1", "n/9", "p/1", "o/3"}) changes.put(key, "");
  ASSERT_TRUE(store->write(changes));
  EXPECT_EQ(keys(*store, "o/"), (std::vector<std::string>{"o/1", "o/2", "o/3"}));
  EXPECT_EQ(keys(*store, "o/", 2), (std::vector<std::string>{"o/1", "o/2"}));
  EXPECT_EQ(keys(*store, "").size(), 5u);
  EXPECT_TRUE(keys(*store, "q").empty());
}

TEST_F(RecordStoreTest, SecondOpeningOfTheSameDirectoryIsRefused) {
  auto store = open();
  EXPECT_FALSE(RecordStore::open(directory_.file("deep/records")));
}

}  // namespace
}  // namespace restored::catalog::test
