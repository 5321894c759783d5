// A restore while the database is being backed up: what was asked for is waited for, what the
// schedule began gives way.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/random.h"
#include "control_test.h"
#include "restored/limits.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

class GiveWaySurfaceTest : public ControlTest {
 protected:
  void configure(EngineOptions& engine, ControlOptions&) override {
    engine.backups.every_seconds = 10;
    engine.backups.spread_seconds = 0;
  }
  void SetUp() override {
    ControlTest::SetUp();
    database_ = make_database("orders");
    backup_ = make_backup(database_);
    write_noise(database_);
    go_into_debt();
  }
  // What is taken at once is waited for by the next backup, for most of a minute.
  void go_into_debt() {
    const DatabaseId debtor = make_database("debtor");
    write_noise(debtor);
    engine_->set_bandwidth(limits::store_bytes_per_second_min);
    const OperationId first = engine_->start_backup(debtor, "first", "test").value().id;
    ASSERT_TRUE(test::wait_until([&] {
      const OperationView view = engine_->operation(first).value();
      return view.state == OperationState::succeeded || view.bytes_done > 0;
    }));
  }
  void write_noise(const DatabaseId& database) {
    WriteSet changes;
    for (int index = 0; index < 64; ++index) {
      changes.put("knoise" + std::to_string(index), "\x10" + random_id(64 * 1024));
    }
    const auto keyspace = engine_->keyspace(database);
    const WritePermit permit = keyspace->try_begin_write();
    ASSERT_TRUE(keyspace->write(permit, changes, Durability::process));
  }
  std::string modifying_state(const std::string& database) {
    return get("/v2/redis/database/" + database).word("modifying_state");
  }
  HttpAnswer restore() { return post(restore_path(database_), restore_body(database_, backup_)); }
  HttpAnswer second_restore() {
    return post("/v2/redis/restore-backup/" + database_.value,
                R"({"backup_id":")" + backup_.value + "\"}");
  }
  // The operation of the backup that the schedule has begun.
  OperationId scheduled_one() {
    EXPECT_EQ(
        call("PATCH", "/v1/databases/" + database_.value + "/schedule", R"({"daily":true})").status,
        200);
    OperationId found;
    EXPECT_TRUE(test::wait_until([&] {
      for (const OperationView& view : engine_->operations()) {
        if (view.principal == schedule_principal) found = view.id;
      }
      return !found.empty();
    }));
    return found;
  }

  DatabaseId database_;
  BackupId backup_;
};

TEST_F(GiveWaySurfaceTest, ABackupThatWasAskedForIsBusyWithAWayToIt) {
  const OperationView asked = engine_->start_backup(database_, "mine", "test").value();
  const HttpAnswer busy = restore();
  expect_error(busy, 409, "database-busy");
  EXPECT_FALSE(busy.header("retry-after").empty());
  EXPECT_EQ(busy.header("link"), "</v1/operations/" + asked.id.value + ">; rel=\"monitor\"");
  const HttpAnswer second = second_restore();
  expect_second_error(second, 503);
  EXPECT_EQ(second.header("link"), busy.header("link"));
  EXPECT_FALSE(second.header("retry-after").empty());
  expect_error(post(restore_path(database_) + "/undo"), 409, "database-busy");
  expect_error(post("/v1/databases/" + database_.value + "/backups"), 409, "database-busy");
  EXPECT_EQ(modifying_state(database_.value), "") << "only a restore is told there";
  engine_->set_bandwidth(0);
  EXPECT_EQ(ended(asked.id).state, OperationState::succeeded);
  EXPECT_EQ(ended_operation_of(restore()).state, OperationState::succeeded);
}

TEST_F(GiveWaySurfaceTest, AScheduledOneEndsAndIsMadeAfterwards) {
  const OperationId scheduled = scheduled_one();
  const HttpAnswer accepted = restore();
  EXPECT_EQ(accepted.status, 200) << accepted.text;
  const HttpAnswer shown = get("/v1/operations/" + scheduled.value);
  EXPECT_EQ(shown.word("data.status"), "cancelled") << shown.text;
  EXPECT_EQ(shown.word("data.error.code"), "cancelled");
  engine_->set_bandwidth(0);
  EXPECT_EQ(ended_operation_of(accepted).state, OperationState::succeeded);
  EXPECT_TRUE(test::wait_until([&] {
    const Result<std::vector<BackupInfo>> backups = engine_->backups(database_);
    return backups && std::ranges::any_of(*backups, [](const BackupInfo& info) {
             return info.scheduled && info.status == BackupStatus::completed;
           });
  }));
}

TEST_F(GiveWaySurfaceTest, TheSecondSurfacesRestoreEndsItToo) {
  const OperationId scheduled = scheduled_one();
  const HttpAnswer accepted = second_restore();
  EXPECT_EQ(accepted.status, 200) << accepted.text;
  EXPECT_EQ(accepted.text, "\"OK\"");
  EXPECT_EQ(engine_->operation(scheduled)->state, OperationState::cancelled);
  engine_->set_bandwidth(0);
  EXPECT_EQ(ended_operation_of(accepted).state, OperationState::succeeded);
}

// The second surface has one word for it.
TEST_F(GiveWaySurfaceTest, ANewDatabaseIsToldAsRestoringUntilItsContentIsThere) {
  engine_->set_bandwidth(0);
  const BackupId big = make_backup(database_);
  ASSERT_TRUE(engine_->remove_database(database_)) << "nothing is here to be linked";
  engine_->set_bandwidth(limits::store_bytes_per_second_min);
  const HttpAnswer made = post("/v1/databases", restore_body(database_, big));
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.word("data.status"), "provisioning");
  const std::string id = made.word("data.id").substr(3);
  EXPECT_EQ(modifying_state(id), "restoring");
  engine_->set_bandwidth(0);
  EXPECT_EQ(ended_operation_of(made).state, OperationState::succeeded);
  EXPECT_EQ(modifying_state(id), "");
}

}  // namespace
}  // namespace restored::control
