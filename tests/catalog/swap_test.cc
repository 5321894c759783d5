#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <stop_token>
#include <thread>

#include "catalog/database.h"
#include "catalog_fixture.h"
#include "support/wait_until.h"

namespace restored::catalog::test {
namespace {

using Families = std::vector<std::string>;

class SwapTest : public CatalogTest {
 protected:
  const Content old_content_ = made_content("old", 300, 50, 1);
  const Content new_content_ = made_content("new", 200, 50, 2);

  // A database with old_content_, and an export with new_content_.
  std::unique_ptr<Database> database_with_export(std::uint64_t undo_seconds = 3600) {
    auto source = create("source");
    put_all(*source, new_content_);
    backup_ = exported(*source);
    EXPECT_TRUE(source->close());
    auto database = create("db", undo_seconds);
    put_all(*database, old_content_);
    return database;
  }
  ExportedGeneration backup_;
};

TEST_F(SwapTest, RestoredContentIsLiveAndSurvivesTwoReopenings) {
  auto database = database_with_export();
  const SwapReport report = restored_into(*database, backup_, "op-1");
  EXPECT_EQ(report.live, database->state().live);
  EXPECT_EQ(content_of(*database), new_content_);
  for (int i = 0; i < 2; ++i) {
    database = reopened(std::move(database), "db");
    EXPECT_EQ(content_of(*database), new_content_);
    EXPECT_EQ(database->state().live, report.live);
    EXPECT_EQ(database->state().previous, 1u);
    EXPECT_EQ(database->state().last_swap, OperationId("op-1"));
    EXPECT_EQ(database->state().live_provenance.backup, BackupId("backup"));
    EXPECT_EQ(database->state().base_backups, std::vector<BackupId>{BackupId("backup")});
  }
  put(*database, "after", "1");
  Content expected = new_content_;
  expected.emplace(raw_key("after"), raw_value("1"));
  database = reopened(std::move(database), "db");
  EXPECT_EQ(content_of(*database), expected);
}

TEST_F(SwapTest, EmptyBackupMakesAnEmptyGeneration) {
  auto database = database_with_export();
  auto staged = database->ingest(path("none"), "leveldb.BytewiseComparator", {});
  ASSERT_TRUE(staged) << staged.error().message;
  Expectation nothing;
  nothing.comparator = "leveldb.BytewiseComparator";
  EXPECT_TRUE(database->verify(**staged, nothing, {}));
  ASSERT_TRUE(database->swap(std::move(*staged), restored_from("b", "op"), nullptr));
  EXPECT_TRUE(content_of(*database).empty());
  database = reopened(std::move(database), "db");
  EXPECT_TRUE(content_of(*database).empty());
}

TEST_F(SwapTest, PinnedGenerationStaysReadableAfterItIsRetired) {
  auto database = database_with_export(/*undo_seconds=*/0);
  {
    const auto pinned = database->pin();
    const auto cursor = pinned->cursor();
    ASSERT_TRUE(cursor);
    restored_into(*database, backup_);
    EXPECT_FALSE(database->state().previous);
    EXPECT_EQ(content_of(*pinned), old_content_);
    EXPECT_EQ(content_of(*database), new_content_);
    std::size_t records = 0;
    for ((*cursor)->seek(""); (*cursor)->valid(); (*cursor)->next()) ++records;
    EXPECT_EQ(records, old_content_.size());
  }
  const std::string live = fmt::format("data-{}", database->state().live);
  ASSERT_TRUE(database->close());
  EXPECT_EQ(column_families("db"), (Families{live, "default"}));
}

TEST_F(SwapTest, UndoTwiceGivesBackEachContent) {
  auto database = database_with_export();
  restored_into(*database, backup_, "op-1");
  const auto undone = database->undo(OperationId("op-2"), {});
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_EQ(undone->live, 1u);
  EXPECT_EQ(content_of(*database), old_content_);
  EXPECT_EQ(database->state().last_swap, OperationId("op-2"));
  put(*database, "old-again", "1");
  database = reopened(std::move(database), "db");
  ASSERT_TRUE(database->undo(OperationId("op-3"), {}));
  EXPECT_EQ(content_of(*database), new_content_);
  EXPECT_EQ(database->state().live_provenance.backup, BackupId("backup"));
  EXPECT_EQ(database->state().live_provenance.operation, OperationId("op-3"));
  ASSERT_TRUE(database->undo(OperationId("op-4"), {}));
  EXPECT_EQ(content_of(*database).size(), old_content_.size() + 1);
}

TEST_F(SwapTest, NothingToUndoIsSaid) {
  auto database = create("db");
  EXPECT_EQ(database->undo(OperationId("op"), {}).error().code, ErrorCode::nothing_to_undo);
}

TEST_F(SwapTest, AnUndoBringsBackTheGenerationThatWasMeantOrNone) {
  auto database = database_with_export();
  restored_into(*database, backup_, "op-1");
  const GenerationNumber meant = database->state().previous.value();
  ASSERT_TRUE(database->replace_all({}, nullptr));
  const auto overtaken = database->undo(OperationId("op-2"), meant);
  ASSERT_FALSE(overtaken);
  EXPECT_EQ(overtaken.error().code, ErrorCode::nothing_to_undo);
  EXPECT_TRUE(content_of(*database).empty());
  EXPECT_EQ(database->state().last_swap, OperationId("op-1"));
  ASSERT_TRUE(database->undo(OperationId("op-3"), database->state().previous));
  EXPECT_EQ(content_of(*database), new_content_);
}

TEST_F(SwapTest, ThirdGenerationRetiresTheFirst) {
  auto database = database_with_export();
  restored_into(*database, backup_, "op-1");
  const GenerationNumber second = database->state().live;
  restored_into(*database, backup_, "op-2");
  EXPECT_EQ(database->state().previous, second);
  const GenerationNumber third = database->state().live;
  ASSERT_TRUE(database->close());
  EXPECT_EQ(column_families("db"),
            (Families{fmt::format("data-{}", second), fmt::format("data-{}", third), "default"}));
}

TEST_F(SwapTest, PreviousGenerationIsRetiredWhenItsTimeIsOver) {
  auto database = database_with_export(/*undo_seconds=*/60);
  restored_into(*database, backup_, "op-1");
  ASSERT_TRUE(database->retire_expired(clock_.wall() + 59'999));
  EXPECT_TRUE(database->state().previous);
  ASSERT_TRUE(database->retire_expired(clock_.wall() + 60'000));
  EXPECT_FALSE(database->state().previous);
  EXPECT_EQ(database->undo(OperationId("op"), {}).error().code, ErrorCode::nothing_to_undo);
  EXPECT_EQ(content_of(*database), new_content_);
  const std::string live = fmt::format("data-{}", database->state().live);
  ASSERT_TRUE(database->close());
  EXPECT_EQ(column_families("db"), (Families{live, "default"}));
}

TEST_F(SwapTest, EndOfTheUndoTimeSurvivesAReopening) {
  auto database = database_with_export(/*undo_seconds=*/3600);
  restored_into(*database, backup_, "op-1");
  const auto until = database->state().previous_until;
  EXPECT_EQ(until, clock_.wall() + 3'600'000);
  clock_.advance(1'000'000);
  database = reopened(std::move(database), "db");
  EXPECT_EQ(database->state().previous_until, until);
}

TEST_F(SwapTest, RefusalAtThePointOfNoReturnKeepsTheOldAndLeavesNothing) {
  auto database = database_with_export();
  auto staged = database->ingest(backup_.directory, backup_.comparator, backup_.files);
  ASSERT_TRUE(staged) << staged.error().message;
  bool asked_with_gate_closed = false;
  const auto swapped = database->swap(std::move(*staged), restored_from("b", "op"), [&] {
    asked_with_gate_closed = !database->try_begin_write();
    return Result<void>(fail(ErrorCode::cancelled, "no"));
  });
  ASSERT_FALSE(swapped);
  EXPECT_EQ(swapped.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(asked_with_gate_closed);
  EXPECT_EQ(content_of(*database), old_content_);
  EXPECT_EQ(database->state().live, 1u);
  put(*database, "still", "writable");
  ASSERT_TRUE(database->close());
  EXPECT_EQ(column_families("db"), (Families{"data-1", "default"}));
}

TEST_F(SwapTest, WriterThatMeetsTheClosedGateIsResumed) {
  auto database = database_with_export();
  auto staged = database->ingest(backup_.directory, backup_.comparator, backup_.files);
  ASSERT_TRUE(staged);
  int resumed = 0;
  const auto swapped = database->swap(std::move(*staged), restored_from("b", "op"), [&] {
    EXPECT_FALSE(database->try_begin_write());
    database->when_writable([&] { ++resumed; });
    EXPECT_EQ(resumed, 0);
    return Result<void>();
  });
  ASSERT_TRUE(swapped);
  EXPECT_EQ(resumed, 1);
  EXPECT_EQ(database->try_begin_write().generation().number(), swapped->live);
}

TEST_F(SwapTest, GenerationNumbersAreNeverUsedAgain) {
  auto database = database_with_export();
  std::set<GenerationNumber> seen{1};
  for (int i = 0; i < 3; ++i) {
    auto staged = database->ingest(path("none"), backup_.comparator, {});
    ASSERT_TRUE(staged);
    EXPECT_TRUE(seen.insert((*staged)->number()).second);
    staged->reset();
    database = reopened(std::move(database), "db");
  }
}

TEST_F(SwapTest, BaseBackupsAreTheNewestFour) {
  auto database = database_with_export();
  for (const char* name : {"a", "b", "c", "b", "d", "e"}) {
    ASSERT_TRUE(database->note_backup(BackupId(name)));
  }
  const std::vector<BackupId> expected{BackupId("e"), BackupId("d"), BackupId("b"), BackupId("c")};
  EXPECT_EQ(database->state().base_backups, expected);
  database = reopened(std::move(database), "db");
  EXPECT_EQ(database->state().base_backups, expected);
}

// Every write holds its permit from before its read of what is live: the generation it read must
// be the one it wrote, and readers must see one whole content.
TEST_F(SwapTest, ReadersAndWritersSeeOneWholeGenerationWhileSwapsRun) {
  auto database = database_with_export();
  restored_into(*database, backup_, "first");
  std::stop_source stop;
  std::atomic<int> written = 0;
  std::atomic<int> read = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop.stop_requested(); ++i) {
        WritePermit permit = database->try_begin_write();
        if (!permit) {
          std::atomic<bool> open = false;
          database->when_writable([&] { open = true; });
          while (!open) std::this_thread::yield();
          continue;
        }
        const GenerationNumber number = permit.generation().number();
        WriteSet changes;
        changes.put(raw_key(fmt::format("writer-{}", t)),
                    raw_value(fmt::format("{} {}", number, i)));
        if (!database->write(permit, changes, Durability::process)) ADD_FAILURE();
        if (database->pin()->number() != number) ADD_FAILURE() << "swapped below a permit";
        ++written;
      }
    });
    threads.emplace_back([&] {
      while (!stop.stop_requested()) {
        const auto generation = database->pin();
        const std::string first = old_content_.begin()->first;
        const std::string second = new_content_.begin()->first;
        const std::vector<std::string_view> keys{first, second};
        const auto answers = get_many(*generation, keys);
        ASSERT_EQ(answers.size(), 2u);
        EXPECT_NE(answers[0].has_value(), answers[1].has_value());
        for (int t2 = 0; t2 < 2; ++t2) {
          const auto value = generation->get(raw_key(fmt::format("writer-{}", t2)));
          ASSERT_TRUE(value);
          if (!*value) continue;
          const std::string begin = raw_value(fmt::format("{} ", generation->number()));
          EXPECT_TRUE((*value)->starts_with(begin)) << **value;
        }
        ++read;
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    const auto undone = database->undo(OperationId("undo"), {});
    ASSERT_TRUE(undone) << undone.error().message;
  }
  const int before = written;
  EXPECT_TRUE(restored::test::wait_until([&] { return written > before && read > 0; }));
  stop.request_stop();
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SwapTest, ReplaceAllHoldsOnlyTheNewRecords) {
  auto database = database_with_export();
  WriteSet records;
  records.put(raw_key("a"), raw_value("1"));
  records.put(raw_key("b"), raw_value("2"));
  records.erase(raw_key("b"));
  ASSERT_TRUE(database->replace_all(records, nullptr));
  const Content expected{{raw_key("a"), raw_value("1")}};
  EXPECT_EQ(content_of(*database), expected);
  EXPECT_EQ(database->state().live_provenance.kind, "flush");
  database = reopened(std::move(database), "db");
  EXPECT_EQ(content_of(*database), expected);
  ASSERT_TRUE(database->undo(OperationId("op"), {}));
  EXPECT_EQ(content_of(*database), old_content_);
}

TEST_F(SwapTest, SecondFlushDoesNotPushOutWhatTheFirstCanGiveBack) {
  auto database = database_with_export();
  ASSERT_TRUE(database->replace_all({}, nullptr));
  const GenerationNumber live = database->state().live;
  ASSERT_TRUE(database->replace_all({}, nullptr));
  EXPECT_EQ(database->state().live, live);
  ASSERT_TRUE(database->undo(OperationId("op"), {}));
  EXPECT_EQ(content_of(*database), old_content_);
}

TEST_F(SwapTest, ReplaceAllThatIsNoLongerWantedChangesNothing) {
  auto database = database_with_export();
  const auto replaced = database->replace_all({}, [] { return false; });
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, ErrorCode::cancelled);
  EXPECT_EQ(content_of(*database), old_content_);
  ASSERT_TRUE(database->close());
  EXPECT_EQ(column_families("db"), (Families{"data-1", "default"}));
}

TEST_F(SwapTest, ReplaceAllUnderLoadLosesNoAcknowledgedLaterWrite) {
  auto database = database_with_export(/*undo_seconds=*/0);
  std::stop_source stop;
  std::atomic<int> written = 0;
  std::thread writer([&] {
    while (!stop.stop_requested()) {
      const WritePermit permit = database->try_begin_write();
      if (!permit) continue;
      WriteSet changes;
      changes.put(raw_key("load"), raw_value(std::to_string(written)));
      if (!database->write(permit, changes, Durability::process)) ADD_FAILURE();
      ++written;
    }
  });
  for (int i = 0; i < 10; ++i) {
    const int before = written;
    ASSERT_TRUE(restored::test::wait_until([&] { return written > before; }));
    WriteSet records;
    records.put(raw_key("flush"), raw_value(std::to_string(i)));
    const auto replaced = database->replace_all(records, nullptr);
    ASSERT_TRUE(replaced) << replaced.error().message;
  }
  const int before = written;
  ASSERT_TRUE(restored::test::wait_until([&] { return written > before; }));
  stop.request_stop();
  writer.join();
  const Content content = content_of(*database);
  EXPECT_EQ(content.size(), 2u);
  EXPECT_EQ(content.at(raw_key("flush")), raw_value("9"));
  EXPECT_EQ(content.at(raw_key("load")), raw_value(std::to_string(written - 1)));
}

TEST_F(SwapTest, RestoreReplacesWhatAFlushMeanwhileReplaced) {
  auto database = database_with_export();
  auto staged = database->ingest(backup_.directory, backup_.comparator, backup_.files);
  ASSERT_TRUE(staged);
  ASSERT_TRUE(database->replace_all({}, nullptr));
  EXPECT_TRUE(content_of(*database).empty());
  ASSERT_TRUE(database->swap(std::move(*staged), restored_from("b", "op"), nullptr));
  EXPECT_EQ(content_of(*database), new_content_);
}

}  // namespace
}  // namespace restored::catalog::test
