// What a restore does to a database, seen through the engine's own interface.
#include <gtest/gtest.h>

#include <filesystem>

#include "history.h"
#include "watched_store.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class RestoreTest : public History {};

TEST_F(RestoreTest, ReplacesTheContentExactly) {
  host_.open();
  make_history();
  const OperationView ended = host_.restore(database_, backup_);
  ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
  EXPECT_EQ(ended.phase, Phase::done);
  EXPECT_EQ(ended.bytes_done, ended.bytes_total);
  EXPECT_EQ(ended.files_done, ended.files_total);
  EXPECT_GT(ended.bytes_total, 0u);
  EXPECT_TRUE(ended.ended_at.has_value());
  EXPECT_FALSE(ended.may_cancel);
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_TRUE(host_.staged_files(database_).empty());
  const DatabaseInfo after = info(database_);
  EXPECT_EQ(after.status, DatabaseStatus::ready);
  EXPECT_FALSE(after.operation.has_value());
  const auto* source = std::get_if<SourceBackup>(&after.source);
  ASSERT_NE(source, nullptr);
  EXPECT_EQ(source->backup, backup_);
  EXPECT_EQ(source->database, database_);
}

TEST_F(RestoreTest, GoesIntoAnotherDatabaseAndKeepsItsCredentials) {
  host_.open();
  make_history();
  CreateDatabase request;
  request.name = "copy";
  const CreatedDatabase copy = host_.engine().create_database(request, "test").value();
  host_.put(copy.info.id, records("other:", 100, 9));
  const OperationView ended = host_.restore(copy.info.id, backup_);
  ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
  EXPECT_EQ(ended.bytes_reused, 0u) << "nothing of it stood in that database";
  EXPECT_GT(ended.bytes_transferred, 0u);
  EXPECT_GT(ended.peak_memory_bytes, 0u);
  EXPECT_LE(ended.peak_memory_bytes, host_.options.memory_budget_bytes);
  EXPECT_EQ(host_.content(copy.info.id), then_);
  EXPECT_EQ(host_.content(database_), now_);
  const auto credential = host_.engine().authenticate("default", copy.connection.password);
  ASSERT_TRUE(credential.has_value());
  EXPECT_EQ(credential->database, copy.info.id);
}

TEST_F(RestoreTest, MakesANewDatabaseFromABackup) {
  host_.open();
  make_history();
  CreateDatabase request;
  request.name = "fresh";
  request.from_backup = SourceBackup{database_, backup_};
  const Result<CreatedDatabase> made = host_.engine().create_database(request, "test");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->info.status, DatabaseStatus::provisioning);
  ASSERT_TRUE(made->operation.has_value());
  EXPECT_EQ(host_.wait(*made->operation).state, OperationState::succeeded);
  EXPECT_EQ(info(made->info.id).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(made->info.id), then_);
}

TEST_F(RestoreTest, SurvivesTwoRestarts) {
  host_.open();
  make_history();
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  for (int i = 0; i < 2; ++i) {
    restart();
    EXPECT_EQ(host_.content(database_), then_);
    EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
  }
  const std::vector<OperationView> operations = host_.engine().operations();
  ASSERT_EQ(operations.size(), 2u);
  EXPECT_EQ(operations[0].kind, OperationKind::restore);
  EXPECT_EQ(operations[0].state, OperationState::succeeded);
  EXPECT_EQ(operations[1].kind, OperationKind::backup);
}

TEST_F(RestoreTest, LeavesTheRestoredDatabaseWritable) {
  host_.open();
  make_history();
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  const Content more = records("after:", 50, 4);
  host_.put(database_, more);
  Content expected = then_;
  expected.insert(more.begin(), more.end());
  EXPECT_EQ(host_.content(database_), expected);
  restart();
  EXPECT_EQ(host_.content(database_), expected);
}

TEST_F(RestoreTest, CanBeTakenBackAndTakenBackAgain) {
  host_.open();
  make_history();
  const std::uint64_t before = info(database_).generation;
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  const DatabaseInfo restored = info(database_);
  EXPECT_NE(restored.generation, before);
  EXPECT_EQ(restored.previous_generation, before);
  ASSERT_TRUE(restored.undo_until.has_value());
  const Result<OperationView> undone = host_.engine().start_undo(database_, "test");
  ASSERT_TRUE(undone) << undone.error().message;
  EXPECT_EQ(undone->state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), now_);
  EXPECT_EQ(info(database_).generation, before);
  const Result<OperationView> again = host_.engine().start_undo(database_, "test");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(host_.content(database_), then_);
  restart();
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(RestoreTest, HasNothingToUndoInAnUntouchedDatabase) {
  host_.open();
  const DatabaseId id = host_.make_database("empty");
  const Result<OperationView> undone = host_.engine().start_undo(id, "test");
  ASSERT_FALSE(undone);
  EXPECT_EQ(undone.error().code, ErrorCode::nothing_to_undo);
  EXPECT_TRUE(host_.engine().operations().empty());
}

TEST_F(RestoreTest, RefusesUnknownIdsByTheirName) {
  host_.open();
  make_history();
  const DatabaseId other = host_.make_database("other");
  const DatabaseId nobody("zzzzzzzzzzzzzzzzzzzzzzzz");
  const auto code = [&](const DatabaseId& target, const DatabaseId& source,
                        const BackupId& backup) {
    const RestoreRequest request{target, source, backup, "test"};
    const auto preview = host_.engine().validate_restore(request);
    const auto started = host_.engine().start_restore(request);
    EXPECT_FALSE(preview);
    EXPECT_FALSE(started);
    EXPECT_EQ(preview.error().code, started.error().code);
    return started.error().code;
  };
  EXPECT_EQ(code(nobody, database_, backup_), ErrorCode::target_database_not_found);
  EXPECT_EQ(code(other, nobody, backup_), ErrorCode::source_database_not_found);
  EXPECT_EQ(code(other, database_, BackupId("nothing")), ErrorCode::backup_not_found);
  EXPECT_EQ(code(other, database_, BackupId("../../etc/passwd")), ErrorCode::backup_not_found);
  EXPECT_EQ(code(other, other, backup_), ErrorCode::backup_not_found);
  EXPECT_EQ(code(other, nobody, BackupId("nothing")), ErrorCode::source_database_not_found);
  EXPECT_EQ(info(other).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.engine().operations().size(), 1u) << "a refusal is no operation";
}

TEST_F(RestoreTest, ValidationSaysWhatWouldBeReplacedAndTouchesNothing) {
  host_.open();
  make_history();
  const auto preview = host_.engine().validate_restore({database_, database_, backup_, "test"});
  ASSERT_TRUE(preview) << preview.error().message;
  EXPECT_EQ(preview->backup.id, backup_);
  EXPECT_EQ(preview->backup.name, "first");
  EXPECT_EQ(preview->target.id, database_);
  EXPECT_EQ(preview->staging_bytes, preview->backup.content_bytes);
  EXPECT_EQ(preview->reusable_bytes, preview->backup.content_bytes);
  EXPECT_GT(preview->free_bytes, 0u);
  EXPECT_EQ(host_.content(database_), now_);
  EXPECT_EQ(host_.engine().operations().size(), 1u);
  EXPECT_TRUE(host_.staged_files(database_).empty());
}

TEST_F(RestoreTest, ReadsNoListOfTheRepository) {
  StoreWatch watch;
  host_.seams.wrap_store = watch.wrap();
  host_.open();
  make_history();
  const DatabaseId other = host_.make_database("other");
  watch.clear();
  ASSERT_EQ(host_.restore(other, backup_).state, OperationState::succeeded);
  EXPECT_EQ(watch.count("list"), 0);
  EXPECT_EQ(watch.count("put") + watch.count("upload") + watch.count("remove"), 0);
  EXPECT_GT(watch.count("read"), 0);
  host_.close();
}

TEST_F(RestoreTest, OntoItselfFetchesNothing) {
  StoreWatch watch;
  host_.seams.wrap_store = watch.wrap();
  host_.open();
  make_history();
  watch.clear();
  const OperationView ended = host_.restore(database_, backup_);
  ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
  EXPECT_EQ(ended.bytes_reused, ended.bytes_total);
  EXPECT_EQ(ended.bytes_transferred, 0u);
  EXPECT_EQ(watch.count("read"), 0);
  EXPECT_EQ(host_.content(database_), then_);
  host_.close();
}

TEST_F(RestoreTest, FetchesALocalFileThatIsNotWhatTheBackupSays) {
  StoreWatch watch;
  host_.seams.wrap_store = watch.wrap();
  host_.options.undo_seconds = 0;
  host_.open();
  make_history();
  // Damage the one file that the backup and the instance share, past the storage engine.
  const fs::path instance = fs::path(host_.state_directory()) / "databases" / database_.value;
  int damaged = 0;
  for (const auto& entry : fs::directory_iterator(instance)) {
    if (entry.path().extension() != ".sst" || fs::file_size(entry.path()) < 20'000) continue;
    std::string bytes = read_whole_file(entry.path().string());
    bytes[10'000] = static_cast<char>(bytes[10'000] ^ 1);
    write_file(entry.path().string(), bytes);
    ++damaged;
  }
  ASSERT_EQ(damaged, 1);
  watch.clear();
  const OperationView ended = host_.restore(database_, backup_);
  ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
  EXPECT_EQ(ended.bytes_reused, 0u);
  EXPECT_GT(watch.count("read"), 0);
  EXPECT_EQ(host_.content(database_), then_);
  host_.close();
}

TEST_F(RestoreTest, RefusesWhatDoesNotFitWithNumbers) {
  host_.options.space_reserve_bytes = std::uint64_t{1} << 60;
  host_.open();
  make_history();
  const DatabaseId other = host_.make_database("other");
  const auto started = host_.start_restore(other, backup_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::insufficient_space);
  EXPECT_NE(started.error().message.find("1152921504606846976"), std::string::npos)
      << started.error().message;
  EXPECT_EQ(info(other).status, DatabaseStatus::ready);
  EXPECT_FALSE(info(other).operation.has_value()) << "the claim is given back";
}

}  // namespace
}  // namespace restored::test
