// What a restore does to a database, seen through the engine's own interface.
#include <gtest/gtest.h>

#include <filesystem>
#include <latch>
#include <thread>

#include "step_gate.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"
#include "test_host.h"
#include "watched_store.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class RestoreTest : public ::testing::Test {
 protected:
  RestoreTest() : host_(directory_.file("state"), directory_.file("repository")) {}

  // A database with a backup of `then_`, that now holds `now_`.
  void make_history() {
    then_ = records("key:", 400, 1);
    now_ = records("key:", 300, 2);
    now_.merge(records("new:", 200, 3));
    database_ = host_.make_database("orders");
    host_.put(database_, then_);
    backup_ = host_.back_up(database_, "first");
    std::vector<std::string> gone;
    for (const auto& [key, value] : then_) {
      if (!now_.contains(key)) gone.push_back(key);
    }
    host_.erase(database_, gone);
    host_.put(database_, now_);
    ASSERT_EQ(host_.content(database_), now_);
  }

  DatabaseInfo info(const DatabaseId& id) { return host_.engine().database(id).value(); }
  void restart() {
    host_.close();
    host_.open();
  }

  const TemporaryDirectory directory_;
  TestHost host_;
  DatabaseId database_;
  BackupId backup_;
  Content then_;
  Content now_;
};

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

TEST_F(RestoreTest, ASecondOneAndABackupAreRefusedWhileOneRuns) {
  StepGate gate("restore.run.after-fetch");
  host_.seams.step = gate.hook();
  host_.open();
  make_history();
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate.wait_reached());
  const DatabaseInfo during = info(database_);
  EXPECT_EQ(during.status, DatabaseStatus::recovering);
  EXPECT_EQ(during.operation, running.id);
  EXPECT_EQ(during.operation_kind, OperationKind::restore);
  EXPECT_EQ(host_.content(database_), now_) << "the old content serves";
  host_.put(database_, records("late:", 10, 5));

  const auto second = host_.start_restore(database_, backup_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::database_recovering);
  EXPECT_NE(second.error().message.find(running.id.value), std::string::npos);
  const auto preview = host_.engine().validate_restore({database_, {}, backup_, "test"});
  ASSERT_FALSE(preview);
  EXPECT_EQ(preview.error().code, ErrorCode::database_recovering);
  EXPECT_EQ(host_.engine().start_backup(database_, "", "test").error().code,
            ErrorCode::database_busy);
  EXPECT_EQ(host_.engine().start_undo(database_, "test").error().code,
            ErrorCode::database_recovering);
  EXPECT_EQ(host_.engine().remove_database(database_).error().code, ErrorCode::database_busy);
  EXPECT_EQ(host_.engine().remove_backup(backup_).error().code, ErrorCode::database_busy);
  gate.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_) << "writes since the backup are lost at the swap";
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded)
      << "who has seen the end may start the next one";
}

TEST_F(RestoreTest, OfRacingRequestsExactlyOneIsAccepted) {
  StepGate gate("restore.run.after-reserve");
  host_.seams.step = gate.hook();
  host_.open();
  make_history();
  for (int round = 0; round < 5; ++round) {
    gate.hold("restore.run.after-reserve");
    constexpr int racers = 4;
    std::latch begin(racers);
    std::vector<std::optional<Result<OperationView>>> answers(racers);
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < racers; ++i) {
        threads.emplace_back([&, i] {
          begin.arrive_and_wait();
          answers[static_cast<std::size_t>(i)] = host_.start_restore(database_, backup_);
        });
      }
    }
    int accepted = 0;
    for (const auto& answer : answers) {
      if (*answer) {
        ++accepted;
      } else {
        EXPECT_EQ(answer->error().code, ErrorCode::database_recovering);
      }
    }
    EXPECT_EQ(accepted, 1);
    gate.let_go();
    for (const auto& answer : answers) {
      if (!*answer) continue;
      EXPECT_EQ(host_.wait((*answer)->id).state, OperationState::succeeded);
    }
  }
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

TEST_F(RestoreTest, ShowsItsProgressWhileItRuns) {
  StepGate gate("restore.run.after-span");
  host_.seams.step = gate.hook();
  host_.open();
  make_history();
  const DatabaseId other = host_.make_database("other");
  const OperationView started = host_.start_restore(other, backup_).value();
  EXPECT_EQ(started.state, OperationState::running);
  EXPECT_EQ(started.database, other);
  EXPECT_EQ(started.source_database, database_);
  EXPECT_EQ(started.backup, backup_);
  EXPECT_EQ(started.principal, "test");
  EXPECT_GT(started.bytes_total, 0u) << "from the first moment";
  ASSERT_TRUE(gate.wait_reached());
  const OperationView during = host_.engine().operation(started.id).value();
  EXPECT_EQ(during.phase, Phase::fetch);
  EXPECT_GT(during.bytes_done, 0u);
  EXPECT_GT(during.bytes_per_second, 0);
  EXPECT_TRUE(during.may_cancel);
  const auto waited = host_.engine().wait_operation(started.id, std::chrono::milliseconds(1), {});
  EXPECT_EQ(waited->state, OperationState::running);
  gate.let_go();
  const OperationView ended = host_.wait(started.id);
  EXPECT_EQ(ended.state, OperationState::succeeded);
  EXPECT_GT(ended.busy.decode, 0);
  EXPECT_GT(ended.swap_pause_seconds, 0);
  EXPECT_EQ(host_.engine().operation(OperationId("none")).error().code,
            ErrorCode::operation_not_found);
}

TEST_F(RestoreTest, WaitingEndsWithTheCallersPatience) {
  StepGate gate("restore.run.after-fetch");
  host_.seams.step = gate.hook();
  host_.open();
  make_history();
  const OperationView started = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate.wait_reached());
  std::stop_source impatient;
  impatient.request_stop();
  const auto view =
      host_.engine().wait_operation(started.id, std::chrono::minutes(10), impatient.get_token());
  EXPECT_EQ(view->state, OperationState::running);
  gate.let_go();
  host_.wait(started.id);
}

TEST_F(RestoreTest, SurvivesAFlushOfTheDatabaseWhileItRuns) {
  StepGate gate("restore.run.after-ingest");
  host_.seams.step = gate.hook();
  host_.open();
  make_history();
  const OperationView started = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate.wait_reached());
  ASSERT_TRUE(host_.engine().keyspace(database_)->replace_all({}, nullptr));
  EXPECT_TRUE(host_.content(database_).empty());
  gate.let_go();
  EXPECT_EQ(host_.wait(started.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(RestoreTest, RetiresThePreviousGenerationWhenItsTimeIsOver) {
  host_.options.undo_seconds = 1;
  host_.open();
  make_history();
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  EXPECT_TRUE(info(database_).previous_generation.has_value());
  host_.close();
  ASSERT_TRUE(wait_until([&] {  // housekeeping looks as soon as the engine is open
    host_.open();
    const bool retired = wait_until([&] { return !info(database_).previous_generation; },
                                    std::chrono::milliseconds(300));
    if (!retired) host_.close();
    return retired;
  }));
  EXPECT_EQ(host_.engine().start_undo(database_, "test").error().code, ErrorCode::nothing_to_undo);
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(RestoreTest, ReplacesAnInstanceThatCannotBeOpened) {
  host_.open();
  make_history();
  const DatabaseId healthy = host_.make_database("healthy");
  host_.close();
  const std::string instance = host_.state_directory() + "/databases/" + database_.value;
  write_file(instance + "/CURRENT", "nonsense\n");
  host_.open();
  EXPECT_EQ(info(healthy).status, DatabaseStatus::ready) << "one broken database stops no other";
  EXPECT_EQ(info(database_).status, DatabaseStatus::failure);
  ASSERT_TRUE(info(database_).failure.has_value());
  EXPECT_EQ(host_.engine().keyspace(database_), nullptr);
  EXPECT_EQ(host_.engine().start_backup(database_, "", "test").error().code,
            ErrorCode::not_restorable);
  const OperationView ended = host_.restore(database_, backup_);
  ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
  EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_FALSE(fs::exists(instance + ".broken"));
  restart();
  EXPECT_EQ(host_.content(database_), then_);
}

}  // namespace
}  // namespace restored::test
