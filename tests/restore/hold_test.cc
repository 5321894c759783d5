// A restore in two phases: it holds before its swap until it is committed, or its time is over.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "history.h"
#include "restored/limits.h"
#include "step_gate.h"
#include "support/shifted_clock.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

using std::chrono::seconds;

class HoldTest : public History {
 protected:
  HoldTest() {
    host_.options.hold_seconds = 600;
    host_.seams.clock = &clock_;
    host_.seams.step = [this](std::string_view step) {
      gate_.hook()(step);
      second_.hook()(step);
    };
    host_.open();
    make_history();
  }
  ~HoldTest() override {
    gate_.let_go();
    second_.let_go();
    host_.close();  // it has our clock
  }

  OperationView begin(const DatabaseId& target) {
    return host_.engine().start_restore({target, {}, backup_, "test", {}, true}).value();
  }
  OperationView now(const OperationId& id) { return host_.engine().operation(id).value(); }
  bool is_held(TestHost& host, const OperationId& id) {
    return wait_until([&] {
      const OperationView view = host.engine().operation(id).value();
      return view.phase == Phase::staged && view.held_until.has_value();
    });
  }
  OperationView held(const DatabaseId& target) {
    const OperationView begun = begin(target);
    EXPECT_TRUE(is_held(host_, begun.id));
    return now(begun.id);
  }
  void copy_state() {
    std::filesystem::copy(directory_.file("state"), directory_.file("copy"),
                          std::filesystem::copy_options::recursive);
  }
  void expect_untouched(TestHost& host) {
    EXPECT_EQ(host.content(database_), now_);
    EXPECT_TRUE(host.staged_files(database_).empty());
    const DatabaseInfo info = host.engine().database(database_).value();
    EXPECT_EQ(info.status, DatabaseStatus::ready);
    EXPECT_FALSE(info.previous_generation.has_value());
  }

  ShiftedClock clock_;
  StepGate gate_{"none"};
  StepGate second_{"none"};
  TestHost next_{directory_.file("copy"), directory_.file("repository")};
};

TEST_F(HoldTest, ItIsStagedAndTheOldDataServesReadsAndWrites) {
  const UnixMillis before = clock_.wall();
  const OperationView view = held(database_);
  EXPECT_EQ(view.state, OperationState::running);
  EXPECT_TRUE(view.may_cancel);
  EXPECT_EQ(view.waiting_on, "its commit");
  EXPECT_EQ(view.bytes_done, view.bytes_total);
  EXPECT_GE(*view.held_until, before + 600'000);
  EXPECT_LE(*view.held_until, clock_.wall() + 600'000);
  EXPECT_EQ(info(database_).status, DatabaseStatus::recovering);
  EXPECT_EQ(host_.content(database_), now_);
  host_.put(database_, {{"written", "while it was held"}});
  now_["written"] = "while it was held";
  EXPECT_EQ(host_.content(database_), now_);
  EXPECT_EQ(host_.start_restore(database_, backup_).error().code, ErrorCode::database_recovering);
  EXPECT_EQ(host_.engine().remove_backup(backup_).error().code, ErrorCode::database_busy);

  const auto committed = host_.engine().commit_operation(view.id);
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_FALSE(committed->held_until.has_value());
  const OperationView ended = host_.wait(view.id);
  EXPECT_EQ(ended.state, OperationState::succeeded);
  EXPECT_FALSE(ended.held_until.has_value());
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_TRUE(host_.staged_files(database_).empty());
  EXPECT_EQ(host_.engine().commit_operation(view.id)->state, OperationState::succeeded);
  restart();
  EXPECT_EQ(host_.engine().commit_operation(view.id)->state, OperationState::succeeded)
      << "also after a restart";
  ASSERT_TRUE(host_.engine().start_undo(database_, "test"));
  EXPECT_EQ(host_.content(database_), now_);
}

TEST_F(HoldTest, ACommitBeforeItIsStagedCounts) {
  gate_.hold("restore.run.after-reserve");
  const OperationView begun = begin(database_);
  ASSERT_TRUE(gate_.wait_reached());
  ASSERT_TRUE(host_.engine().commit_operation(begun.id));
  ASSERT_TRUE(host_.engine().commit_operation(begun.id)) << "once more";
  gate_.let_go();
  const OperationView ended = host_.wait(begun.id);
  EXPECT_EQ(ended.state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(HoldTest, WhatDoesNotHoldIsNotCommitted) {
  const auto code = [&](const OperationId& id) {
    const auto committed = host_.engine().commit_operation(id);
    return committed ? ErrorCode::internal : committed.error().code;
  };
  const OperationView plain = host_.restore(database_, backup_);
  EXPECT_EQ(code(plain.id), ErrorCode::operation_not_held);
  for (const OperationView& view : host_.engine().operations()) {
    if (view.kind == OperationKind::backup) {
      EXPECT_EQ(code(view.id), ErrorCode::operation_not_held);
    }
  }
  EXPECT_EQ(code(OperationId("nothing")), ErrorCode::operation_not_found);
  gate_.hold("restore.run.after-fetch");
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate_.wait_reached());
  EXPECT_EQ(code(running.id), ErrorCode::operation_not_held);
  gate_.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::succeeded);
}

TEST_F(HoldTest, ACancelEndsIt) {
  const OperationView view = held(database_);
  ASSERT_TRUE(host_.engine().cancel_operation(view.id));
  EXPECT_EQ(host_.engine().commit_operation(view.id).error().code, ErrorCode::operation_ended);
  EXPECT_EQ(host_.wait(view.id).state, OperationState::cancelled);
  expect_untouched(host_);
  EXPECT_EQ(host_.engine().commit_operation(view.id).error().code, ErrorCode::operation_ended);
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
}

TEST_F(HoldTest, ItEndsWhenItsTimeIsOver) {
  const OperationView view = held(database_);
  clock_.advance(seconds(599));
  EXPECT_EQ(now(view.id).state, OperationState::running);
  clock_.advance(seconds(2));
  const OperationView ended = host_.wait(view.id);
  EXPECT_EQ(ended.state, OperationState::failed);
  ASSERT_TRUE(ended.error.has_value());
  EXPECT_EQ(ended.error->code, ErrorCode::stage_expired);
  EXPECT_NE(ended.error->hint.find("engine.hold_time"), std::string::npos);
  EXPECT_FALSE(ended.held_until.has_value());
  expect_untouched(host_);
  EXPECT_EQ(host_.engine().commit_operation(view.id).error().code, ErrorCode::operation_ended);
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
}

TEST_F(HoldTest, ARestartHoldsAgainUntilTheSameMoment) {
  const OperationView view = held(database_);
  for (std::uint32_t round = 0; round < limits::restore_attempts_max + 2; ++round) {
    clock_.advance(seconds(10));
    restart();
    ASSERT_TRUE(is_held(host_, view.id)) << round;
    EXPECT_EQ(now(view.id).held_until, view.held_until) << round;
  }
  EXPECT_EQ(now(view.id).attempts, 1u) << "that the agent was started again is not its fault";
  EXPECT_EQ(host_.content(database_), now_);
  ASSERT_TRUE(host_.engine().commit_operation(view.id));
  EXPECT_EQ(host_.wait(view.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(HoldTest, AnAgentThatDiesWhileItHoldsHoldsAgain) {
  gate_.hold("restore.run.after-hold");
  const OperationView begun = begin(database_);
  ASSERT_TRUE(gate_.wait_reached());
  copy_state();
  const std::optional<UnixMillis> until = now(begun.id).held_until;
  ASSERT_TRUE(until.has_value());
  gate_.let_go();
  ASSERT_TRUE(host_.engine().cancel_operation(begun.id));
  host_.wait(begun.id);
  host_.close();
  next_.open();
  ASSERT_TRUE(is_held(next_, begun.id));
  EXPECT_EQ(next_.engine().operation(begun.id)->held_until, until);
  EXPECT_EQ(next_.content(database_), now_);
  ASSERT_TRUE(next_.engine().commit_operation(begun.id));
  EXPECT_EQ(next_.wait(begun.id).state, OperationState::succeeded);
  EXPECT_EQ(next_.content(database_), then_);
  next_.close();
  host_.open();
}

// The disk of an agent that was killed after the commit's record, before its answer and the swap.
TEST_F(HoldTest, ACommitThatIsOnRecordNeedsNoSecondOne) {
  const OperationView view = held(database_);
  gate_.hold("restore.commit.after-record");
  second_.hold("restore.run.after-commit");
  std::jthread client([&] { EXPECT_TRUE(host_.engine().commit_operation(view.id)); });
  ASSERT_TRUE(gate_.wait_reached());
  ASSERT_TRUE(second_.wait_reached());
  copy_state();
  gate_.let_go();
  second_.let_go();
  client.join();
  EXPECT_EQ(host_.wait(view.id).state, OperationState::succeeded);
  next_.open();
  EXPECT_EQ(next_.wait(view.id).state, OperationState::succeeded);
  EXPECT_EQ(next_.content(database_), then_);
  next_.close();
}

TEST_F(HoldTest, ATimeThatIsOverWhileTheAgentIsAwayIsOver) {
  const OperationView view = held(database_);
  host_.close();
  clock_.advance(seconds(601));
  host_.open();
  const OperationView ended = now(view.id);
  EXPECT_EQ(ended.state, OperationState::failed);
  ASSERT_TRUE(ended.error.has_value());
  EXPECT_EQ(ended.error->code, ErrorCode::stage_expired);
  expect_untouched(host_);
}

TEST_F(HoldTest, ItsTimeAlsoEndsOneThatIsStagedAgain) {
  const OperationView view = held(database_);
  host_.close();
  gate_.hold("restore.run.after-reserve");
  host_.open();
  ASSERT_TRUE(gate_.wait_reached());
  EXPECT_EQ(now(view.id).held_until, view.held_until) << "shown while it is not there yet, too";
  clock_.advance(seconds(601));
  EXPECT_TRUE(wait_until([&] { return !now(view.id).may_cancel; }));
  EXPECT_EQ(host_.engine().commit_operation(view.id).error().code, ErrorCode::operation_ended);
  gate_.let_go();
  EXPECT_EQ(host_.wait(view.id).error->code, ErrorCode::stage_expired);
  expect_untouched(host_);
}

TEST_F(HoldTest, ManyHoldWithoutTakingATurnAndACommitWaitsForNone) {
  constexpr unsigned many = limits::operations_running_max + 2;
  std::vector<std::pair<DatabaseId, OperationId>> holding;
  for (unsigned i = 0; i < many; ++i) {
    const DatabaseId target = host_.make_database("held");
    holding.emplace_back(target, held(target).id);
  }
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  // Every turn is taken by restores that go on when the test says so.
  gate_.hold("restore.run.after-reserve");
  std::vector<OperationId> working;
  for (unsigned i = 0; i < limits::operations_running_max; ++i) {
    working.push_back(host_.start_restore(host_.make_database("working"), backup_)->id);
  }
  ASSERT_TRUE(wait_until([&] {
    return std::ranges::all_of(working, [&](const auto& id) {
      return now(id).phase == Phase::reserve && !now(id).queue_position;
    });
  }));
  for (const auto& [target, id] : holding) {
    ASSERT_TRUE(host_.engine().commit_operation(id));
    EXPECT_EQ(host_.wait(id).state, OperationState::succeeded);
    EXPECT_EQ(host_.content(target), then_);
  }
  gate_.let_go();
  for (const OperationId& id : working) {
    EXPECT_EQ(host_.wait(id).state, OperationState::succeeded);
  }
}

// Beside the four that work, the others wait in the order in which they came.
TEST_F(HoldTest, WhoWaitsForATurnKnowsItsPlace) {
  gate_.hold("restore.run.after-reserve");
  std::vector<OperationId> ids;
  for (unsigned i = 0; i < limits::operations_running_max + 3; ++i) {
    ids.push_back(host_.start_restore(host_.make_database("one"), backup_)->id);
  }
  const auto position = [&](unsigned behind) {
    return now(ids.at(limits::operations_running_max + behind)).queue_position;
  };
  EXPECT_TRUE(
      wait_until([&] { return position(0) == 1u && position(1) == 2u && position(2) == 3u; }));
  EXPECT_TRUE(wait_until(
      [&] { return now(ids.back()).waiting_on == "the end of another operation on this host"; }));
  for (unsigned i = 0; i < limits::operations_running_max; ++i) {
    EXPECT_FALSE(now(ids[i]).queue_position.has_value()) << "it has its turn";
  }
  const OperationId leaving = ids.at(limits::operations_running_max);
  ASSERT_TRUE(host_.engine().cancel_operation(leaving));
  EXPECT_TRUE(wait_until([&] { return position(1) == 1u && position(2) == 2u; }));
  EXPECT_EQ(host_.wait(leaving).state, OperationState::cancelled);
  EXPECT_FALSE(now(leaving).queue_position.has_value());
  gate_.let_go();
  for (const OperationId& id : ids) {
    if (id == leaving) continue;
    const OperationView ended = host_.wait(id);
    EXPECT_EQ(ended.state, OperationState::succeeded);
    EXPECT_FALSE(ended.queue_position.has_value());
  }
}

}  // namespace
}  // namespace restored::test
