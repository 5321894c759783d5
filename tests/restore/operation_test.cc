// One operation alone: what it tells of its waiting, and its own limit on bandwidth.
#include "restore/operation.h"

#include <gtest/gtest.h>

#include <memory>

#include "support/shifted_clock.h"
#include "support/temporary_directory.h"

namespace restored::restore {
namespace {

class OperationTest : public ::testing::Test {
 protected:
  OperationTest() : registry_(registry::Registry::open(directory_.file("registry")).value()) {
    record_.view.id = OperationId("op1");
    record_.view.database = DatabaseId("orders");
    record_.view.kind = OperationKind::restore;
  }
  ~OperationTest() override { EXPECT_TRUE(registry_->close()); }
  OperationView recorded() const { return registry_->operations().at(0).view; }

  const test::TemporaryDirectory directory_;
  const std::unique_ptr<registry::Registry> registry_;
  test::ShiftedClock clock_;
  registry::OperationRecord record_;
};

TEST_F(OperationTest, WhatItWaitsForIsShownWithSinceWhenAndHowManyAttempts) {
  Operation operation(record_, *registry_, clock_);
  EXPECT_TRUE(operation.view().waiting_on.empty());
  EXPECT_FALSE(operation.view().waiting_since.has_value());
  WaitBoard::Entry entry = WaitBoard::post(&operation.waits(), "the object store at host:1");
  EXPECT_TRUE(operation.view().waiting_on.empty()) << "a call that has only just begun";
  entry.attempt_failed("the object store at host:1: 503 SlowDown", 4);
  const OperationView view = operation.view();
  EXPECT_EQ(view.waiting_on, "the object store at host:1: 503 SlowDown");
  EXPECT_EQ(view.waiting_attempts, 4u);
  ASSERT_TRUE(view.waiting_since.has_value());
  EXPECT_NEAR(static_cast<double>(*view.waiting_since), static_cast<double>(clock_.wall()), 10e3);
  entry.remove();
  EXPECT_TRUE(operation.view().waiting_on.empty());
}

TEST_F(OperationTest, ItsOwnWaitIsShownBeforeTheStores) {
  Operation operation(record_, *registry_, clock_);
  WaitBoard::Entry entry = WaitBoard::post(&operation.waits(), "");
  entry.attempt_failed("the object store at host:1: 503", 2);
  operation.waits_on("its turn");
  const UnixMillis since = operation.view().waiting_since.value();
  clock_.advance(std::chrono::seconds(30));
  EXPECT_EQ(operation.view().waiting_on, "its turn");
  EXPECT_EQ(operation.view().waiting_since, since) << "since it began, not since it was asked";
  EXPECT_EQ(operation.view().waiting_attempts, 0u);
  operation.waits_on("");
  EXPECT_EQ(operation.view().waiting_on, "the object store at host:1: 503");
}

TEST_F(OperationTest, AWaitIsNotPutOnRecord) {
  Operation operation(record_, *registry_, clock_);
  WaitBoard::Entry entry = WaitBoard::post(&operation.waits(), "");
  entry.attempt_failed("the object store at host:1: 503", 2);
  ASSERT_TRUE(operation.enter(Phase::fetch));
  EXPECT_TRUE(recorded().waiting_on.empty());
  ASSERT_TRUE(operation.settle({}));
  operation.announce();
  EXPECT_TRUE(operation.view().waiting_on.empty()) << "what has ended waits for nothing";
  EXPECT_FALSE(operation.view().waiting_since.has_value());
}

TEST_F(OperationTest, ItsLimitIsInForceAndOnRecord) {
  record_.view.bandwidth_bytes_per_second = 1 * kMiB;
  Operation operation(record_, *registry_, clock_);
  EXPECT_EQ(operation.bandwidth().get(), 1 * kMiB) << "as its record says: it was continued";
  const auto limited = operation.set_bandwidth(2 * kMiB);
  ASSERT_TRUE(limited) << limited.error().message;
  EXPECT_EQ(limited->bandwidth_bytes_per_second, 2 * kMiB);
  EXPECT_EQ(operation.bandwidth().get(), 2 * kMiB);
  EXPECT_EQ(recorded().bandwidth_bytes_per_second, 2 * kMiB);
  ASSERT_TRUE(operation.enter(Phase::fetch));
  EXPECT_EQ(recorded().bandwidth_bytes_per_second, 2 * kMiB) << "a later phase keeps it";
  ASSERT_TRUE(operation.settle({}));
  EXPECT_EQ(operation.set_bandwidth(0).error().code, ErrorCode::operation_ended);
  EXPECT_EQ(recorded().state, OperationState::succeeded) << "an end on record stays there";
}

TEST_F(OperationTest, AnOperationThatIsOverWaitedForWhatItSays) {
  Operation operation(record_, *registry_, clock_);
  WaitBoard::Entry entry = WaitBoard::post(&operation.waits(), "");
  entry.attempt_failed("the object store at host:1: 503 SlowDown", 7);
  ASSERT_TRUE(operation.set_bandwidth(64 * kKiB));
  operation.end_if_overdue(60);
  EXPECT_FALSE(operation.end_asked());
  clock_.advance(std::chrono::seconds(61));
  operation.end_if_overdue(0);
  EXPECT_FALSE(operation.end_asked()) << "no deadline";
  operation.end_if_overdue(60);
  ASSERT_TRUE(operation.end_asked());
  EXPECT_TRUE(operation.stop_token().stop_requested());
  const Error error = operation.cause(Error{ErrorCode::cancelled, "stopped", {}});
  EXPECT_EQ(error.code, ErrorCode::timed_out);
  EXPECT_NE(error.message.find("did not end within 60 s: in phase validate it waited for the "
                               "object store at host:1: 503 SlowDown (for 6"),
            std::string::npos)
      << error.message;
  EXPECT_NE(error.message.find("7 attempts), limited to 65536 bytes a second"), std::string::npos)
      << error.message;
  EXPECT_EQ(operation.cause(Error{ErrorCode::io_error, "x", {}}).code, ErrorCode::io_error);
  EXPECT_EQ(operation.pass_point_of_no_return().error().code, ErrorCode::cancelled);
}

TEST_F(OperationTest, TheTimeInWhichItHoldsIsNotItsDeadlines) {
  record_.hold = true;
  Operation operation(record_, *registry_, clock_);
  clock_.advance(std::chrono::seconds(50));
  ASSERT_TRUE(operation.hold(3600));
  clock_.advance(std::chrono::seconds(1000));
  operation.end_if_overdue(60);
  EXPECT_FALSE(operation.end_asked());
  ASSERT_TRUE(operation.commit());
  operation.wait_commit();
  operation.end_if_overdue(60);
  EXPECT_FALSE(operation.end_asked()) << "it has worked for 50 seconds";
  clock_.advance(std::chrono::seconds(11));
  operation.end_if_overdue(60);
  EXPECT_TRUE(operation.end_asked());
}

TEST_F(OperationTest, AHoldAndItsCommitAreOnRecord) {
  record_.hold = true;
  Operation operation(record_, *registry_, clock_);
  EXPECT_TRUE(operation.holds());
  ASSERT_TRUE(operation.hold(3600));
  EXPECT_EQ(recorded().phase, Phase::staged);
  EXPECT_EQ(recorded().held_until, operation.view().held_until);
  EXPECT_FALSE(registry_->operations().at(0).committed);
  ASSERT_TRUE(operation.commit());
  EXPECT_FALSE(operation.holds());
  EXPECT_TRUE(registry_->operations().at(0).committed);
  ASSERT_TRUE(operation.enter(Phase::swap));
  EXPECT_TRUE(registry_->operations().at(0).committed) << "a later phase keeps it";
  clock_.advance(std::chrono::hours(2));
  operation.end_if_overdue(0);
  EXPECT_FALSE(operation.end_asked()) << "what is committed does not expire";
  ASSERT_TRUE(operation.settle(fail(ErrorCode::io_error, "x")));
  EXPECT_EQ(operation.commit().error().code, ErrorCode::operation_ended);
}

TEST_F(OperationTest, AHookThatIsToldOfTheEndLeavesItOnRecord) {
  Operation operation(record_, *registry_, clock_);
  ASSERT_TRUE(operation.settle(fail(ErrorCode::vetoed_by_hook, "no")));
  operation.stop_for_shutdown();
  ASSERT_TRUE(operation.settled_end().has_value());
  ASSERT_TRUE(operation.note_hook({HookEvent::failed, 0, 0.5, "told", false}));
  EXPECT_EQ(recorded().state, OperationState::failed);
  EXPECT_EQ(recorded().hooks.size(), 1u);
  EXPECT_EQ(operation.cancel().error().code, ErrorCode::operation_ended);
  operation.announce();
  EXPECT_EQ(operation.view().state, OperationState::failed);
  EXPECT_EQ(operation.view().hooks.size(), 1u);
}

TEST_F(OperationTest, AStopCutsOffOnlyWhatItStopped) {
  record_.view.kind = OperationKind::restore;
  Operation operation(record_, *registry_, clock_);
  operation.stop_for_shutdown();
  EXPECT_TRUE(operation.is_cut_off({ErrorCode::cancelled, "x", {}}));
  EXPECT_FALSE(operation.is_cut_off({ErrorCode::vetoed_by_hook, "x", {}}));
  ASSERT_TRUE(operation.settle(fail(ErrorCode::cancelled, "stopped")));
  EXPECT_FALSE(operation.settled_end().has_value());
  ASSERT_TRUE(operation.settle(fail(ErrorCode::vetoed_by_hook, "no")));
  EXPECT_EQ(recorded().state, OperationState::failed);
}

TEST_F(OperationTest, ACommitAfterItsTimeEndsIt) {
  record_.hold = true;
  Operation operation(record_, *registry_, clock_);
  ASSERT_TRUE(operation.hold(60));
  clock_.advance(std::chrono::seconds(61));
  EXPECT_TRUE(operation.view().held_until.has_value());
  EXPECT_EQ(operation.commit().error().code, ErrorCode::operation_ended);
  EXPECT_TRUE(operation.end_asked());
  EXPECT_TRUE(operation.stop_token().stop_requested());
  EXPECT_EQ(operation.cause({ErrorCode::cancelled, "x", {}}).code, ErrorCode::stage_expired);
  EXPECT_FALSE(operation.view().held_until.has_value()) << "nobody can commit it any more";
  EXPECT_FALSE(registry_->operations().at(0).committed);
}

TEST_F(OperationTest, AWallClockThatIsSetEndsNoHoldAndNoneLater) {
  record_.hold = true;
  for (const bool continued : {false, true}) {
    if (continued) record_.view.held_until = clock_.wall() + 60'000;
    for (const int days : {1000, -1000}) {
      Operation operation(record_, *registry_, clock_);
      ASSERT_TRUE(operation.hold(60));
      clock_.set_wall(std::chrono::hours(24 * days));
      clock_.advance(std::chrono::seconds(50));
      operation.end_if_overdue(0);
      EXPECT_FALSE(operation.end_asked()) << days;
      clock_.advance(std::chrono::seconds(10));
      operation.end_if_overdue(0);
      EXPECT_TRUE(operation.end_asked()) << days;
      clock_.set_wall(std::chrono::hours(24 * -days));
      clock_.advance(std::chrono::seconds(-60));
    }
  }
}

TEST_F(OperationTest, ACancelledHoldIsShownWithoutItsTimeAndKeepsItOnRecord) {
  record_.hold = true;
  Operation operation(record_, *registry_, clock_);
  ASSERT_TRUE(operation.hold(60));
  EXPECT_FALSE(operation.cancel().value().held_until.has_value());
  EXPECT_FALSE(operation.view().held_until.has_value());
  EXPECT_TRUE(recorded().held_until.has_value());
}

TEST_F(OperationTest, AStopTakesNoAttemptFromOneThatHolds) {
  record_.hold = record_.committed = true;
  record_.view.attempts = 8;
  Operation operation(record_, *registry_, clock_);
  operation.stop_for_shutdown();
  ASSERT_TRUE(operation.settle(fail(ErrorCode::cancelled, "stopped")));
  EXPECT_EQ(recorded().state, OperationState::running);
  EXPECT_EQ(recorded().attempts, 7u) << "the next start adds one";
}

TEST_F(OperationTest, OfTwoRunsOfAHookTheLastOneStays) {
  Operation operation(record_, *registry_, clock_);
  ASSERT_TRUE(operation.note_hook({HookEvent::before_swap, 1, 0.25, "no", false}));
  ASSERT_TRUE(operation.note_hook({HookEvent::before_swap, std::nullopt, 30, "", true}));
  ASSERT_TRUE(operation.note_hook({HookEvent::failed, 0, 0.5, "told", false}));
  for (const OperationView& view : {operation.view(), recorded()}) {
    ASSERT_EQ(view.hooks.size(), 2u);
    EXPECT_EQ(view.hooks[0].event, HookEvent::before_swap);
    EXPECT_FALSE(view.hooks[0].exit_status.has_value());
    EXPECT_TRUE(view.hooks[0].timed_out);
    EXPECT_EQ(view.hooks[1].exit_status, 0);
    EXPECT_EQ(view.hooks[1].output, "told");
    EXPECT_DOUBLE_EQ(view.hooks[1].seconds, 0.5);
  }
}

}  // namespace
}  // namespace restored::restore
