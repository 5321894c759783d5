// What users see and may do while a restore runs, and what the engine does on its own.
#include <gtest/gtest.h>

#include <latch>
#include <optional>
#include <thread>

#include "catalog/undo_time.h"
#include "history.h"
#include "step_gate.h"
#include "support/shifted_clock.h"
#include "support/wait_until.h"
#include "watched_store.h"

namespace restored::test {
namespace {

class WhileRunningTest : public History {};

TEST_F(WhileRunningTest, ASecondOneAndABackupAreRefusedWhileOneRuns) {
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

TEST_F(WhileRunningTest, OfRacingRequestsExactlyOneIsAccepted) {
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

TEST_F(WhileRunningTest, ShowsItsProgressWhileItRuns) {
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

TEST_F(WhileRunningTest, WaitingEndsWithTheCallersPatience) {
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

TEST_F(WhileRunningTest, SurvivesAFlushOfTheDatabaseWhileItRuns) {
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

class LaterClock final : public Clock {
 public:
  explicit LaterClock(std::chrono::hours ahead) : ahead_(ahead) {}
  UnixMillis wall() const override {
    return system_clock().wall() + std::chrono::milliseconds(ahead_).count();
  }
  std::chrono::steady_clock::time_point monotonic() const override {
    return system_clock().monotonic();
  }

 private:
  const std::chrono::hours ahead_;
};

TEST_F(WhileRunningTest, RetiresThePreviousGenerationWhenItsTimeIsOver) {
  ShiftedClock clock;
  host_.seams.clock = &clock;
  host_.open();
  make_history();
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  EXPECT_TRUE(info(database_).previous_generation.has_value());
  // Time in which it runs, then time in which it does not.
  for (const bool away : {false, true}) {
    if (away) {
      ASSERT_TRUE(host_.engine().keyspace(database_)->replace_all({}, nullptr));
      host_.close();
    }
    clock.advance(std::chrono::hours(25));
    if (away) {
      host_.open();
      EXPECT_TRUE(info(database_).previous_generation.has_value()) << "the clock may be wrong";
      clock.advance(catalog::undo_time_checked_again);
    }
    EXPECT_TRUE(wait_until([&] { return !info(database_).previous_generation.has_value(); }));
    EXPECT_EQ(host_.engine().start_undo(database_, "test").error().code,
              ErrorCode::nothing_to_undo);
  }
  host_.close();
}

TEST_F(WhileRunningTest, OperationsAreForgottenAfterThirtyDays) {
  host_.open();
  make_history();
  const OperationView ended = host_.restore(database_, backup_);
  host_.close();
  const LaterClock soon(std::chrono::hours(29 * 24));
  host_.seams.clock = &soon;
  host_.open();
  EXPECT_TRUE(host_.engine().operation(ended.id));
  host_.close();
  const LaterClock later(std::chrono::hours(31 * 24));
  host_.seams.clock = &later;
  host_.open();
  EXPECT_TRUE(wait_until([&] { return !host_.engine().operation(ended.id); }));
  EXPECT_EQ(host_.engine().operation(ended.id).error().code, ErrorCode::operation_not_found);
  EXPECT_EQ(host_.engine().backup(backup_)->status, BackupStatus::completed);
  host_.close();
}

TEST_F(WhileRunningTest, OperationsThatTellOfTheLastBackupsAreKeptWhileTheirDatabaseIsThere) {
  StoreWatch watch;
  host_.seams.wrap_store = watch.wrap();
  host_.open();
  const DatabaseId id = host_.make_database("kept");
  const DatabaseId removed = host_.make_database("removed");
  EXPECT_FALSE(host_.engine().backup_history(id).completed_at);
  EXPECT_FALSE(host_.engine().backup_history(id).failed);
  host_.back_up(removed);
  host_.back_up(id);
  host_.put(id, records("a:", 10));
  const BackupId backup = host_.back_up(id);
  const auto completed_at = host_.engine().backup_history(id).completed_at;
  EXPECT_TRUE(completed_at);
  watch.before = [](std::string_view call, std::string_view) -> Result<void> {
    if (call != "put" && call != "upload") return {};
    return fail(ErrorCode::store_permission_denied, "nothing can be written");
  };
  host_.put(id, records("b:", 10));
  const OperationView failed = host_.engine().start_backup(id, "", "test").value();
  EXPECT_EQ(host_.wait(failed.id).state, OperationState::failed);
  ASSERT_TRUE(host_.engine().remove_backup(backup));
  ASSERT_TRUE(host_.engine().remove_database(removed));
  host_.close();
  const LaterClock later(std::chrono::hours(40 * 24));
  host_.seams.clock = &later;
  host_.open();
  EXPECT_TRUE(wait_until([&] { return host_.engine().operations().size() == 2; }));
  const BackupHistory history = host_.engine().backup_history(id);
  EXPECT_EQ(history.completed_at, completed_at);
  EXPECT_TRUE(history.failed);
  watch.before = nullptr;
  host_.back_up(id);
  EXPECT_FALSE(host_.engine().backup_history(id).failed);
  EXPECT_GT(host_.engine().backup_history(id).completed_at, completed_at);
  host_.close();
}

}  // namespace
}  // namespace restored::test
