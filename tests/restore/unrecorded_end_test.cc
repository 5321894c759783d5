// Operations whose end the registry did not take: they never come back.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>

#include "catalog/database.h"
#include "failing_registry.h"
#include "history.h"
#include "step_gate.h"
#include "support/fault_files.h"
#include "support/wait_until.h"
#include "watched_store.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class UnrecordedEndTest : public History {
 protected:
  UnrecordedEndTest() { host_.seams.wrap_registry = faults_.wrap(); }

  // A restore of the backup that is cancelled while the registry takes no ends.
  OperationView cancelled_restore() {
    const OperationView running = host_.start_restore(database_, backup_).value();
    EXPECT_TRUE(gate_.wait_reached());
    faults_.refuse_ends = true;
    EXPECT_TRUE(host_.engine().cancel_operation(running.id));
    gate_.let_go();
    const OperationView ended = host_.wait(running.id);
    EXPECT_EQ(ended.state, OperationState::cancelled);
    EXPECT_GT(faults_.refused, 0);
    return ended;
  }
  // A backup that succeeded while the registry took no ends; the engine is closed since.
  OperationView unrecorded_backup() {
    open_at("");
    faults_.refuse_ends = true;
    const BackupId made = host_.back_up(database_);
    const auto operations = host_.engine().operations();
    const auto ended = std::ranges::find(operations, made, &OperationView::backup);
    EXPECT_NE(ended, operations.end());
    host_.close();
    faults_.refuse_ends = false;
    return ended == operations.end() ? OperationView() : *ended;
  }
  void open_at(const char* step) {
    gate_.hold(step);
    host_.seams.step = gate_.hook();
    host_.open();
    make_history();
  }
  std::string mark(const OperationView& view) const {
    return host_.state_directory() + "/databases/" + database_.value + "/staging/" + view.id.value +
           ".ended";
  }
  // What was written after the client was told of the end.
  void write_later() {
    const Content later = records("later:", 20, 7);
    host_.put(database_, later);
    now_.insert(later.begin(), later.end());
  }
  void expect_ended_and_intact(const OperationView& ended) {
    const OperationView view = host_.wait(ended.id);
    EXPECT_EQ(view.state, ended.state);
    EXPECT_EQ(view.attempts, ended.attempts) << "it did not run again";
    EXPECT_EQ(view.ended_at, ended.ended_at);
    EXPECT_EQ(host_.content(database_), now_);
    EXPECT_TRUE(host_.staged_files(database_).empty());
  }

  void TearDown() override { host_.close(); }  // before what its seams point to

  RegistryFaults faults_;
  FaultPlan plan_;
  FaultFileSystem files_{io::system_files(), plan_};
  StepGate gate_{""};
};

TEST_F(UnrecordedEndTest, IsRecordedAsSoonAsTheRegistryTakesIt) {
  open_at("restore.run.after-fetch");
  const OperationView ended = cancelled_restore();
  EXPECT_TRUE(fs::exists(mark(ended)));
  faults_.refuse_ends = false;
  EXPECT_TRUE(wait_until([&] { return !fs::exists(mark(ended)); }));
  write_later();
  restart();
  expect_ended_and_intact(ended);
}

TEST_F(UnrecordedEndTest, IsRecordedAtTheLatestWhenTheEngineCloses) {
  open_at("restore.run.after-fetch");
  const OperationView ended = cancelled_restore();
  write_later();
  faults_.refuse_ends = false;
  restart();
  expect_ended_and_intact(ended);
}

TEST_F(UnrecordedEndTest, IsBelievedByTheNextStartWhenTheRegistryNeverTakesIt) {
  open_at("restore.run.after-fetch");
  const OperationView ended = cancelled_restore();
  write_later();
  host_.close();
  faults_.refuse_ends = false;
  host_.open();
  expect_ended_and_intact(ended);
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  restart();
  EXPECT_EQ(host_.engine().operation(ended.id)->state, OperationState::cancelled);
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(UnrecordedEndTest, OfAnUnreadableMarkIsAFailureAndNothingElse) {
  open_at("restore.run.after-fetch");
  const OperationView ended = cancelled_restore();
  write_later();
  host_.close();
  write_file(mark(ended), "torn");
  faults_.refuse_ends = false;
  host_.open();
  EXPECT_EQ(host_.wait(ended.id).state, OperationState::failed);
  EXPECT_EQ(host_.content(database_), now_);
}

TEST_F(UnrecordedEndTest, OfASuccessIsNotRunAgain) {
  open_at("");
  faults_.refuse_ends = true;
  const OperationView ended = host_.restore(database_, backup_);
  ASSERT_EQ(ended.state, OperationState::succeeded);
  now_ = then_;
  write_later();
  // Two flushes later neither generation is the one that it made.
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(host_.engine().keyspace(database_)->replace_all({}, nullptr));
    host_.put(database_, now_);
  }
  host_.close();
  faults_.refuse_ends = false;
  host_.open();
  expect_ended_and_intact(ended);
}

TEST_F(UnrecordedEndTest, RefusesTheNextOperationOnThatDatabaseOnly) {
  open_at("restore.run.after-fetch");
  const OperationView ended = cancelled_restore();
  gate_.hold("");
  const auto refused = host_.start_restore(database_, backup_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::no_space);
  EXPECT_NE(refused.error().message.find(ended.id.value), std::string::npos);
  const DatabaseId other = host_.make_database("other");
  EXPECT_TRUE(host_.start_restore(other, backup_));
  faults_.refuse_ends = false;
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
}

TEST_F(UnrecordedEndTest, LeavesItsMarkLaterWhenTheDiskTakesItLater) {
  plan_.only(".ended");
  plan_.fail_from(Call::open, 1, ErrorCode::no_space);
  host_.seams.files = &files_;
  open_at("restore.run.after-fetch");
  const OperationView ended = cancelled_restore();
  EXPECT_FALSE(fs::exists(mark(ended)));
  plan_.clear();
  EXPECT_TRUE(wait_until([&] { return fs::exists(mark(ended)); }));
  write_later();
  host_.close();
  faults_.refuse_ends = false;
  host_.open();
  expect_ended_and_intact(ended);
}

TEST_F(UnrecordedEndTest, OfABackupIsBelievedThoughItsManifestCannotBeAskedFor) {
  const OperationView ended = unrecorded_backup();
  StoreWatch watch;
  watch.before = [](std::string_view, std::string_view key) -> Result<void> {
    if (!key.ends_with("/manifest")) return {};
    return fail(ErrorCode::object_store_unavailable, "away");
  };
  host_.seams.wrap_store = watch.wrap();
  host_.open();
  EXPECT_EQ(host_.engine().operation(ended.id)->state, OperationState::succeeded);
  host_.close();
  host_.seams.wrap_store = {};
  host_.open();
}

// Killed before that was on record, and before there was a mark.
TEST_F(UnrecordedEndTest, OfACompleteBackupWaitsForARepositoryThatIsAway) {
  const OperationView ended = unrecorded_backup();
  fs::remove(mark(ended));
  StoreWatch watch;
  std::atomic<bool> away = true;
  watch.before = [&](std::string_view, std::string_view key) -> Result<void> {
    if (!away || !key.ends_with("/manifest")) return {};
    return fail(ErrorCode::object_store_unavailable, "the store is away");
  };
  host_.seams.wrap_store = watch.wrap();
  host_.open();
  EXPECT_EQ(host_.engine().operation(ended.id)->state, OperationState::running);
  EXPECT_TRUE(wait_until([&] {
    return host_.engine().operation(ended.id)->waiting_on.find("the store is away") !=
           std::string::npos;
  }));
  EXPECT_EQ(host_.engine().database(database_)->status, DatabaseStatus::ready);
  EXPECT_EQ(host_.engine().cancel_operation(ended.id).error().code,
            ErrorCode::past_point_of_no_return);
  EXPECT_EQ(host_.engine().remove_backup(ended.backup).error().code, ErrorCode::database_busy);
  restart();
  EXPECT_EQ(host_.engine().operation(ended.id)->state, OperationState::running)
      << "a stop does not end it";
  away = false;
  const OperationView complete = host_.wait(ended.id);
  EXPECT_EQ(complete.state, OperationState::succeeded);
  EXPECT_EQ(complete.bytes_done, ended.bytes_total);
  EXPECT_EQ(complete.files_done, ended.files_total);
  host_.close();
  host_.seams.wrap_store = {};
  host_.open();
}

// Its end needs no claim. The instance is the restore's alone, which may take it away again.
TEST_F(UnrecordedEndTest, OfABackupLeavesTheInstanceToTheRestoreThatReplacesIt) {
  const OperationView ended = unrecorded_backup();
  fs::remove(mark(ended));
  const std::string instance = host_.state_directory() + "/databases/" + database_.value;
  write_file(instance + "/CURRENT", "nonsense\n");
  StoreWatch watch;
  std::atomic<bool> away = true;
  watch.before = [&](std::string_view, std::string_view key) -> Result<void> {
    if (!away || !key.ends_with(ended.backup.value + "/manifest")) return {};
    return fail(ErrorCode::object_store_unavailable, "the store is away");
  };
  host_.seams.wrap_store = watch.wrap();
  gate_.hold("restore.run.after-reserve");
  host_.open();
  const OperationView restoring = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate_.wait_reached());
  away = false;
  EXPECT_EQ(host_.wait(ended.id).state, OperationState::succeeded);
  const std::string copy = directory_.file("copy");
  fs::copy(instance, copy, fs::copy_options::recursive);
  const auto shared = catalog::SharedResources::make(8 * kMiB);
  const auto fresh = catalog::Database::open({copy, shared.get(), 3600, nullptr});
  ASSERT_TRUE(fresh) << fresh.error().message;
  EXPECT_TRUE((*fresh)->state().base_backups.empty());
  ASSERT_TRUE((*fresh)->close());
  gate_.let_go();
  EXPECT_EQ(host_.wait(restoring.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_);
  host_.close();
  host_.seams.wrap_store = {};
  host_.open();
}

// Something stands in the manifest's place: it is no success, whoever put it there.
TEST_F(UnrecordedEndTest, OfABackupWithoutAReadableManifestIsAFailure) {
  const OperationView ended = unrecorded_backup();
  fs::remove(mark(ended));
  const fs::path manifest =
      fs::path(host_.options.repository_url.substr(std::string_view("file://").size())) /
      "backups" / ended.backup.value / "manifest";
  ASSERT_TRUE(fs::exists(manifest));
  write_file(manifest, "forged");
  host_.open();
  const OperationView view = host_.engine().operation(ended.id).value();
  EXPECT_EQ(view.state, OperationState::failed);
  EXPECT_EQ(view.error.value().code, ErrorCode::backup_not_usable);
}

TEST_F(UnrecordedEndTest, OfABackupKeepsItFromBeingRemoved) {
  open_at("");
  faults_.refuse_ends = true;
  const BackupId made = host_.back_up(database_);
  const Result<void> refused = host_.engine().remove_backup(made);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("is not on record"), std::string::npos);
  EXPECT_TRUE(host_.engine().backup(made)) << "it is still there";
  faults_.refuse_ends = false;
  EXPECT_TRUE(host_.engine().remove_backup(made));
}

// replace_file() may leave its temporary file behind.
TEST_F(UnrecordedEndTest, AHalfWrittenMarkSaysNothing) {
  host_.open();
  make_history();
  const OperationView ended = host_.restore(database_, backup_);
  host_.close();
  const std::string staging = fs::path(mark(ended)).parent_path();
  fs::create_directories(staging);
  write_file(staging + "/." + ended.id.value + ".ended.0123456789ab.tmp", "torn");
  host_.open();
  EXPECT_EQ(host_.engine().operation(ended.id)->state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_TRUE(host_.staged_files(database_).empty()) << "and is removed";
}

}  // namespace
}  // namespace restored::test
