#include "catalog/database.h"

#include <fmt/format.h>

#include <rocksdb/db.h>

#include <filesystem>

#include "catalog_fixture.h"
#include "support/wait_until.h"

namespace restored::catalog::test {
namespace {

using Families = std::vector<std::string>;

class DatabaseTest : public CatalogTest {};

TEST_F(DatabaseTest, NewDatabaseHoldsOneEmptyGeneration) {
  auto database = create("db");
  EXPECT_EQ(database->state().live, 1u);
  EXPECT_EQ(database->state().live_provenance.kind, "empty");
  EXPECT_FALSE(database->state().previous);
  EXPECT_TRUE(content_of(*database).empty());
  EXPECT_EQ(database->pin()->number(), 1u);
  ASSERT_TRUE(database->close());
  EXPECT_EQ(column_families("db"), (Families{"data-1", "default"}));
}

TEST_F(DatabaseTest, ExistingDatabaseIsNotMadeAgain) {
  auto database = create("db");
  put(*database, "a", "1");
  ASSERT_TRUE(database->close());
  const auto again = Database::create(options("db"));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::file_exists);
  database = open("db");
  EXPECT_EQ(content_of(*database).size(), 1u);
}

TEST_F(DatabaseTest, MissingDatabaseIsNotOpened) {
  const auto opened = Database::open(options("nowhere"));
  ASSERT_FALSE(opened);
  EXPECT_FALSE(std::filesystem::exists(path("nowhere") + "/CURRENT"));
}

TEST_F(DatabaseTest, WritesAreReadBackAndSurviveTwoReopenings) {
  auto database = create("db");
  const Content content = made_content("key", 500, 100, 1);
  put_all(*database, content);
  put_all(*database, {{raw_key("durable"), raw_value("yes")}}, Durability::device);
  erase(*database, "key00000007");
  Content expected = content;
  expected.emplace(raw_key("durable"), raw_value("yes"));
  expected.erase(raw_key("key00000007"));
  EXPECT_EQ(content_of(*database), expected);
  for (int i = 0; i < 2; ++i) {
    database = reopened(std::move(database), "db");
    EXPECT_EQ(content_of(*database), expected);
  }
}

TEST_F(DatabaseTest, GetFindsWhatIsThereAndNothingElse) {
  auto database = create("db");
  put(*database, "a", "1");
  const auto generation = database->pin();
  EXPECT_EQ(generation->get(raw_key("a")).value(), raw_value("1"));
  EXPECT_EQ(generation->get(raw_key("b")).value(), std::nullopt);
}

TEST_F(DatabaseTest, GetManyAnswersInTheOrderOfTheKeys) {
  auto database = create("db");
  put_all(*database, made_content("key", 100, 10, 1));
  const std::string first = raw_key("key00000090");
  const std::string missing = raw_key("absent");
  const std::string last = raw_key("key00000003");
  const std::vector<std::string_view> keys{first, missing, last, first};
  const auto answers = get_many(*database->pin(), keys);
  ASSERT_EQ(answers.size(), 4u);
  const Content content = content_of(*database);
  EXPECT_EQ(answers[0], content.at(first));
  EXPECT_EQ(answers[1], std::nullopt);
  EXPECT_EQ(answers[2], content.at(last));
  EXPECT_EQ(answers[3], content.at(first));
  EXPECT_TRUE(get_many(*database->pin(), {}).empty());
}

TEST_F(DatabaseTest, GetManyIsOneMomentAcrossBatchesBigValuesAndWrites) {
  auto database = create("db");
  // More than one batch, and values of which few fit into one.
  Content content;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) {
    names.push_back(raw_key(fmt::format("key{:03}", i)));
    const std::size_t bytes = i % 10 == 0 ? 700 * kKiB : 10 + static_cast<std::size_t>(i);
    content[names.back()] = raw_value(std::string(bytes, static_cast<char>('a' + i % 26)));
  }
  put_all(*database, content);
  std::vector<std::string_view> keys;
  for (int round = 0; round < 12; ++round) keys.insert(keys.end(), names.begin(), names.end());
  const auto generation = database->pin();
  std::size_t visited = 0;
  const auto read =
      generation->get_many(keys, [&](std::size_t i, std::optional<std::string_view> record) {
        EXPECT_EQ(i, visited++);
        EXPECT_TRUE(record == content.at(names[i % names.size()])) << i;
        // Written after the moment of the call.
        if (i == 3) put(*database, "key099", "new");
        return true;
      });
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(visited, keys.size());
  visited = 0;
  ASSERT_TRUE(generation->get_many(
      keys, [&](std::size_t, std::optional<std::string_view>) { return ++visited < 40; }));
  EXPECT_EQ(visited, 40u) << "it ends when it is told to";
}

TEST_F(DatabaseTest, CursorShowsTheMomentOfItsCall) {
  auto database = create("db");
  put(*database, "a", "1");
  const auto cursor = database->pin()->cursor();
  ASSERT_TRUE(cursor);
  put(*database, "b", "2");
  (*cursor)->seek("");
  ASSERT_TRUE((*cursor)->valid());
  EXPECT_EQ((*cursor)->key(), raw_key("a"));
  (*cursor)->next();
  EXPECT_FALSE((*cursor)->valid());
  EXPECT_TRUE((*cursor)->status());
}

TEST_F(DatabaseTest, ClosedDatabaseAnswersWithAnErrorAndAnOpenGate) {
  auto database = create("db");
  put(*database, "a", "1");
  ASSERT_TRUE(database->close());
  const auto generation = database->pin();
  EXPECT_EQ(generation->get("x").error().code, ErrorCode::shutting_down);
  EXPECT_EQ(generation->cursor().error().code, ErrorCode::shutting_down);
  WritePermit permit = database->try_begin_write();
  ASSERT_TRUE(permit);
  WriteSet changes;
  changes.put("a", "b");
  EXPECT_EQ(database->write(permit, changes, Durability::process).error().code,
            ErrorCode::shutting_down);
  bool resumed = false;
  database->when_writable([&] { resumed = true; });
  EXPECT_TRUE(resumed);
  EXPECT_EQ(database->count_keys({}).error().code, ErrorCode::shutting_down);
  EXPECT_EQ(database->replace_all({}, nullptr).error().code, ErrorCode::shutting_down);
}

TEST_F(DatabaseTest, UnfinishedCreationIsRefusedAtOpeningAndMadeAgainByCreate) {
  // What a crash before the first catalog record leaves: an instance without one.
  {
    rocksdb::Options raw;
    raw.create_if_missing = true;
    rocksdb::DB* db = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(raw, path("db"), &db).ok());
    delete db;
  }
  const auto opened = Database::open(options("db"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::corruption);
  auto database = create("db");
  put(*database, "a", "1");
  database = reopened(std::move(database), "db");
  EXPECT_EQ(content_of(*database).size(), 1u);
}

TEST_F(DatabaseTest, StagedGenerationThatIsLetGoLeavesNoColumnFamily) {
  auto database = create("db");
  put_all(*database, made_content("key", 100, 100, 1));
  const auto files = exported(*database);
  {
    auto staged = database->ingest(files.directory, files.comparator, files.files);
    ASSERT_TRUE(staged) << staged.error().message;
    EXPECT_GT((*staged)->number(), 1u);
  }
  ASSERT_TRUE(database->close());
  EXPECT_EQ(column_families("db"), (Families{"data-1", "default"}));
}

}  // namespace
}  // namespace restored::catalog::test
