// A staged generation beside what its manifest promises.
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "catalog/database.h"
#include "catalog_fixture.h"

namespace restored::catalog::test {
namespace {

class VerifyTest : public CatalogTest {
 protected:
  std::unique_ptr<Database> filled() {
    auto database = create("db");
    put_all(*database, made_content("key", 1000, 100, 5));
    return database;
  }
};

TEST_F(VerifyTest, VerifyNamesWhatDiffers) {
  auto database = filled();
  const ExportedGeneration files = exported(*database);
  auto staged = database->ingest(files.directory, files.comparator, files.files);
  ASSERT_TRUE(staged) << staged.error().message;
  const Expectation good = expectation_of(files);
  EXPECT_TRUE(database->verify(**staged, good, {}));
  const std::vector<std::pair<const char*, std::function<void(Expectation&)>>> changes{
      {"files instead of", [](Expectation& e) { e.files.clear(); }},
      {"entries", [](Expectation& e) { ++e.entries; }},
      {"deletions", [](Expectation& e) { ++e.deletions; }},
      {"entries", [](Expectation& e) { ++e.files[0].entries; }},
      {"level", [](Expectation& e) { ++e.files[0].level; }},
      {"largest sequence", [](Expectation& e) { ++e.files[0].largest_sequence; }},
      {"smallest sequence", [](Expectation& e) { ++e.files[0].smallest_sequence; }},
      {"last key", [](Expectation& e) { e.files[0].largest_key += "x"; }},
      {"not in the imported", [](Expectation& e) { e.files[0].smallest_key += "x"; }},
      {"not in the imported", [](Expectation& e) { ++e.files[0].size_bytes; }},
      {"ordered by", [](Expectation& e) { e.comparator = "other"; }},
  };
  for (const auto& [word, change] : changes) {
    Expectation changed = good;
    change(changed);
    const auto verified = database->verify(**staged, changed, {});
    ASSERT_FALSE(verified) << word;
    EXPECT_EQ(verified.error().code, ErrorCode::corruption);
    EXPECT_NE(verified.error().message.find(word), std::string::npos) << verified.error().message;
  }
}

// RocksDB believes the manifest's sequence numbers; with lower ones it would hide records.
TEST_F(VerifyTest, VerifyFindsSequenceNumbersThatAreNotTheFiles) {
  auto database = filled();
  ExportedGeneration files = exported(*database);
  for (FileFacts& facts : files.files) facts.smallest_sequence = facts.largest_sequence = 1;
  files.largest_sequence = 1;
  auto other = create("other");
  auto staged = other->ingest(files.directory, files.comparator, files.files);
  ASSERT_TRUE(staged) << staged.error().message;
  const auto verified = other->verify(**staged, expectation_of(files), {});
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code, ErrorCode::corruption);
  EXPECT_NE(verified.error().message.find("sequence number"), std::string::npos);
}

TEST_F(VerifyTest, VerifyStopsWhenItIsTold) {
  auto database = filled();
  const ExportedGeneration files = exported(*database);
  auto staged = database->ingest(files.directory, files.comparator, files.files);
  ASSERT_TRUE(staged);
  std::stop_source stop;
  stop.request_stop();
  const auto verified = database->verify(**staged, expectation_of(files), stop.get_token());
  EXPECT_EQ(verified.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace restored::catalog::test
