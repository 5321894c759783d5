// What the catalog knows of records: their number and their expiry.
#include <fmt/format.h>

#include "catalog/database.h"
#include "catalog/expiry_filter.h"
#include "catalog_fixture.h"

namespace restored::catalog::test {
namespace {

class KeyCountTest : public CatalogTest {
 protected:
  static std::uint64_t count(Database& database) {
    const auto keys = database.count_keys({});
    EXPECT_TRUE(keys) << keys.error().message;
    return keys.value_or(~0ull);
  }
};

TEST_F(KeyCountTest, FollowsWritesAndDeletions) {
  auto database = create("db");
  EXPECT_EQ(count(*database), 0u);
  put_all(*database, made_content("key", 100, 10, 1));
  EXPECT_EQ(count(*database), 100u);
  EXPECT_EQ(count(*database), 100u);
  erase(*database, "key00000003");
  EXPECT_EQ(count(*database), 99u);
  put(*database, "key00000004", "overwritten");
  EXPECT_EQ(count(*database), 99u);
}

TEST_F(KeyCountTest, ForgetsAKeyAtTheMomentOfItsExpiry) {
  auto database = create("db");
  const UnixMillis now = clock_.wall();
  put_all(*database, {{raw_key("for ever"), raw_value("1")},
                      {raw_key("soon"), raw_value("1", now + 1000)},
                      {raw_key("later"), raw_value("1", now + 2000)},
                      {raw_key("past"), raw_value("1", now - 1)}});
  EXPECT_EQ(count(*database), 3u);
  clock_.advance(999);
  EXPECT_EQ(count(*database), 3u);
  clock_.advance(1);
  EXPECT_EQ(count(*database), 2u);
  clock_.advance(1000);
  EXPECT_EQ(count(*database), 1u);
  clock_.set(now);  // set back: what had expired lives again
  EXPECT_EQ(count(*database), 3u);
}

TEST_F(KeyCountTest, CountsMetadataRecordsOnly) {
  auto database = create("db");
  put_all(*database, {{"j", "not ours"}, {raw_key("a"), raw_value("1")}, {"s-element", "1"}});
  EXPECT_EQ(count(*database), 1u);
}

TEST_F(KeyCountTest, FollowsSwapAndUndo) {
  auto database = create("db");
  put_all(*database, made_content("key", 100, 10, 1));
  EXPECT_EQ(count(*database), 100u);
  ASSERT_TRUE(database->replace_all({}, nullptr));
  EXPECT_EQ(count(*database), 0u);
  ASSERT_TRUE(database->undo(OperationId("op"), {}));
  EXPECT_EQ(count(*database), 100u);
}

TEST_F(KeyCountTest, StopsWhenItIsTold) {
  auto database = create("db");
  put_all(*database, made_content("key", 100, 10, 1));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(database->count_keys(stop.get_token()).error().code, ErrorCode::cancelled);
  EXPECT_EQ(count(*database), 100u);
}

TEST_F(KeyCountTest, DamagedRecordIsAnErrorNotANumber) {
  auto database = create("db");
  put_all(*database, {{raw_key("a"), ""}});
  EXPECT_EQ(database->count_keys({}).error().code, ErrorCode::corruption);
}

class ExpiryFilterTest : public CatalogTest {
 protected:
  using Decision = rocksdb::CompactionFilter::Decision;
  Decision decision(const std::string& key, const std::string& value) {
    const auto filter = expiry_filter_factory(clock_)->CreateCompactionFilter({});
    std::string ignored;
    return filter->FilterV2(1, key, rocksdb::CompactionFilter::ValueType::kValue, value, &ignored,
                            &ignored);
  }
};

TEST_F(ExpiryFilterTest, DropsExpiredMetadataRecordsOnly) {
  const UnixMillis now = clock_.wall();
  EXPECT_EQ(decision(raw_key("a"), raw_value("1")), Decision::kKeep);
  EXPECT_EQ(decision(raw_key("a"), raw_value("1", now + 1)), Decision::kKeep);
  EXPECT_EQ(decision(raw_key("a"), raw_value("1", now)), Decision::kRemove);
  EXPECT_EQ(decision("s-element", raw_value("1", now)), Decision::kKeep);
  EXPECT_EQ(decision("", ""), Decision::kKeep);
  EXPECT_EQ(decision(raw_key("a"), ""), Decision::kKeep) << "what cannot be read stays";
}

}  // namespace
}  // namespace restored::catalog::test
