// An engine that is closed while operations run: restores go on at the next opening, other
// operations say that they were cut off.
#include <gtest/gtest.h>

#include <thread>

#include "history.h"
#include "registry/registry.h"
#include "restored/limits.h"
#include "step_gate.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

class ShutdownTest : public History {
 protected:
  // Closes while an operation stands at the gate, and lets it go on into the stop.
  void close_at(StepGate& gate) {
    std::jthread closing([&] { host_.close(); });
    // The stop is asked for before close() waits for the operation, and the gate opens only now
    // for one that has not seen it: either order must end well.
    gate.let_go();
  }
  void record_as_failed(const OperationView& ended) {
    const auto registry = registry::Registry::open(host_.state_directory() + "/registry").value();
    registry::OperationRecord record{ended, ""};
    record.view.state = OperationState::failed;
    record.view.error = Error{ErrorCode::storage_engine, "writing the catalog", ""};
    ASSERT_TRUE(registry->put_operation(record));
    ASSERT_TRUE(registry->close());
  }
  // The engine is closed, told that the operation failed, and opened again.
  void expect_put_right(const OperationView& ended) {
    host_.close();
    record_as_failed(ended);
    host_.open();
    const OperationView corrected = host_.engine().operation(ended.id).value();
    EXPECT_EQ(corrected.state, OperationState::succeeded);
    EXPECT_FALSE(corrected.error.has_value());
  }
};

TEST_F(ShutdownTest, ARestoreGoesOnAtTheNextOpening) {
  for (const char* step :
       {"restore.run.after-reserve", "restore.run.after-span", "restore.run.after-fetch",
        "restore.run.after-ingest", "restore.run.after-verify", "restore.run.after-swap"}) {
    StepGate gate(step);
    host_.seams.step = gate.hook();
    host_.open();
    if (database_.empty()) make_history();
    const DatabaseId target = host_.make_database(step);
    host_.put(target, now_);
    const OperationView running = host_.start_restore(target, backup_).value();
    ASSERT_TRUE(gate.wait_reached()) << step;
    close_at(gate);
    host_.seams.step = nullptr;
    host_.open();
    const OperationView ended = host_.wait(running.id);
    EXPECT_EQ(ended.state, OperationState::succeeded) << step;
    EXPECT_EQ(ended.bytes_done, ended.bytes_total) << step;
    EXPECT_EQ(host_.content(target), then_) << step;
    EXPECT_TRUE(host_.staged_files(target).empty()) << step;
    host_.close();
  }
}

// An operation's limit is on its record; one that the agent was given while it ran is not kept.
TEST_F(ShutdownTest, ARestoreGoesOnWithItsOwnBandwidthLimitAndWithoutTheAgents) {
  StepGate gate("restore.run.after-reserve");
  host_.seams.step = gate.hook();
  host_.open();
  make_history();
  const BackupId two_files = host_.back_up(database_, "second");
  ASSERT_GE(host_.engine().backup(two_files)->files, 2u) << "the second one has to wait";
  const DatabaseId target = host_.make_database("limited");
  host_.engine().set_bandwidth(1 * kGiB);
  const OperationView running = host_.start_restore(target, two_files).value();
  ASSERT_TRUE(gate.wait_reached());
  // So slow that the wait is one that is worth telling.
  ASSERT_TRUE(host_.engine().set_operation_bandwidth(running.id, 100));
  close_at(gate);
  host_.seams.step = nullptr;
  host_.open();
  EXPECT_EQ(host_.engine().bandwidth(), 0u);
  const auto now = [&] { return host_.engine().operation(running.id).value(); };
  EXPECT_TRUE(wait_until([&] { return now().waiting_on == "the operation's bandwidth limit"; }))
      << now().waiting_on;
  EXPECT_EQ(now().bandwidth_bytes_per_second, 100u);
  ASSERT_TRUE(host_.engine().set_operation_bandwidth(running.id, 0));
  EXPECT_EQ(host_.wait(running.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(target), now_);
}

TEST_F(ShutdownTest, ABackupThatWasCutOffIsAFailure) {
  StepGate gate("backup.make.after-export");
  host_.seams.step = gate.hook();
  host_.open();
  gate.let_go();
  make_history();
  gate.hold("backup.make.after-export");
  const OperationView running = host_.engine().start_backup(database_, "cut", "test").value();
  ASSERT_TRUE(gate.wait_reached());
  ASSERT_TRUE(host_.engine().operation(running.id)->may_cancel);
  close_at(gate);
  host_.seams.step = nullptr;
  host_.open();
  const OperationView ended = host_.engine().operation(running.id).value();
  EXPECT_NE(ended.state, OperationState::running);
  if (ended.state == OperationState::failed) {
    EXPECT_EQ(ended.error->code, ErrorCode::shutting_down);
    EXPECT_EQ(host_.engine().backup(running.backup)->status, BackupStatus::failed);
  }
  EXPECT_TRUE(host_.staged_files(database_).empty());
  EXPECT_EQ(host_.content(database_), now_);
}

// The catalog's write failed, so the operation was reported as failed, but its bytes reached the
// disk: what the catalog says at the next opening is what happened.
TEST_F(ShutdownTest, ARestoreWhoseSwapCountsAfterAllIsPutRight) {
  host_.open();
  make_history();
  const OperationView ended = host_.restore(database_, backup_);
  expect_put_right(ended);
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_EQ(host_.engine().operations().size(), 2u);
}

TEST_F(ShutdownTest, AnUndoWhoseSwapCountsAfterAllIsPutRight) {
  host_.open();
  make_history();
  const OperationView restored = host_.restore(database_, backup_);
  const OperationView undone = host_.engine().start_undo(database_, "test").value();
  expect_put_right(undone);
  EXPECT_EQ(host_.content(database_), now_);
  EXPECT_EQ(host_.engine().operation(restored.id)->state, OperationState::succeeded);
  EXPECT_EQ(host_.engine().operations().size(), 3u);
}

TEST_F(ShutdownTest, AnUndoThatDidNotCountStaysFailed) {
  host_.open();
  make_history();
  host_.restore(database_, backup_);
  const OperationView undone = host_.engine().start_undo(database_, "test").value();
  const OperationView later = host_.restore(database_, backup_);
  ASSERT_EQ(later.state, OperationState::succeeded);
  host_.close();
  record_as_failed(undone);
  host_.open();
  EXPECT_EQ(host_.engine().operation(undone.id)->state, OperationState::failed);
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(ShutdownTest, ManyOperationsWaitForTheirTurnAndAllEnd) {
  StepGate gate("restore.run.after-reserve");
  host_.seams.step = gate.hook();
  host_.open();
  make_history();
  std::vector<OperationView> started;
  std::vector<DatabaseId> targets;
  for (unsigned i = 0; i < limits::operations_running_max + 2; ++i) {
    targets.push_back(host_.make_database("target"));
    started.push_back(host_.start_restore(targets.back(), backup_).value());
  }
  ASSERT_TRUE(gate.wait_reached());
  EXPECT_TRUE(
      wait_until([&] { return !host_.engine().operation(started.back().id)->waiting_on.empty(); }));
  ASSERT_TRUE(host_.engine().cancel_operation(started.back().id));
  EXPECT_EQ(host_.wait(started.back().id).state, OperationState::cancelled)
      << "one that has not had its turn yet";
  gate.let_go();
  for (std::size_t i = 0; i + 1 < started.size(); ++i) {
    EXPECT_EQ(host_.wait(started[i].id).state, OperationState::succeeded);
    EXPECT_EQ(host_.content(targets[i]), then_);
  }
  EXPECT_TRUE(host_.content(targets.back()).empty());
}

}  // namespace
}  // namespace restored::test
