// Databases whose instance cannot be opened: a restore is the way out, and until one has succeeded
// nobody is served anything else in their place, and nothing of them is lost.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <new>
#include <system_error>
#include <thread>

#include "failing_registry.h"
#include "history.h"
#include "step_gate.h"
#include "support/fault_files.h"
#include "support/wait_until.h"
#include "watched_store.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class BrokenTest : public History {
 protected:
  BrokenTest() {
    host_.seams.step = gate_.hook();
    host_.seams.wrap_store = watch_.wrap();
    host_.seams.wrap_registry = registry_.wrap();
  }
  void TearDown() override { host_.close(); }  // before what its seams point to

  std::string instance() const { return host_.state_directory() + "/databases/" + database_.value; }
  void damage() { write_file(instance() + "/CURRENT", "nonsense\n"); }
  void mend() { write_file(instance() + "/CURRENT", current_); }
  // Open, with database_ broken.
  void make_broken() {
    host_.open();
    make_history();
    host_.close();
    current_ = read_whole_file(instance() + "/CURRENT");
    damage();
    host_.open();
    ASSERT_EQ(host_.engine().keyspace(database_), nullptr);
  }
  void refuse_objects() {
    watch_.before = [](std::string_view call, std::string_view key) -> Result<void> {
      if (call != "read" || !key.starts_with("objects/")) return {};
      return fail(ErrorCode::object_store_unavailable, "the store is away");
    };
  }
  // The old files are what they were: once mended, they are served.
  void expect_old_content_after_mending() {
    host_.close();
    mend();
    host_.open();
    EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
    EXPECT_EQ(host_.content(database_), now_);
  }

  StoreWatch watch_;
  RegistryFaults registry_;
  StepGate gate_{""};
  FaultPlan plan_;
  FaultFileSystem files_{io::system_files(), plan_};
  std::string current_;
};

TEST_F(BrokenTest, IsReplacedByARestore) {
  host_.open();
  const DatabaseId healthy = host_.make_database("healthy");
  host_.close();
  make_broken();
  EXPECT_EQ(info(healthy).status, DatabaseStatus::ready) << "one broken database stops no other";
  EXPECT_EQ(info(database_).status, DatabaseStatus::failure);
  ASSERT_TRUE(info(database_).failure.has_value());
  EXPECT_EQ(host_.engine().start_backup(database_, "", "test").error().code,
            ErrorCode::not_restorable);
  const OperationView ended = host_.restore(database_, backup_);
  ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
  EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_FALSE(fs::exists(instance() + ".broken"));
  restart();
  EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(BrokenTest, IsNotServedWhileTheRestoreRuns) {
  make_broken();
  gate_.hold("restore.run.after-reserve");
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate_.wait_reached());
  EXPECT_EQ(info(database_).status, DatabaseStatus::recovering);
  EXPECT_EQ(host_.engine().keyspace(database_), nullptr);
  gate_.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(BrokenTest, IsNotServedAfterAStopAndServedOnceTheRestoreHasGoneOn) {
  make_broken();
  gate_.hold("restore.run.after-reserve");
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate_.wait_reached());
  {
    std::jthread closing([&] { host_.close(); });
    gate_.let_go();
  }
  gate_.hold("restore.run.after-links");
  host_.open();
  if (host_.engine().operation(running.id)->state == OperationState::running) {
    ASSERT_TRUE(gate_.wait_reached());
    EXPECT_EQ(host_.engine().keyspace(database_), nullptr);
  }
  gate_.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::succeeded);
  EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(database_), then_);
  restart();
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_FALSE(fs::exists(instance() + ".broken"));
}

TEST_F(BrokenTest, IsWhatItWasAfterARestoreThatFailed) {
  make_broken();
  refuse_objects();
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::failed);
  EXPECT_EQ(info(database_).status, DatabaseStatus::failure);
  EXPECT_EQ(host_.engine().keyspace(database_), nullptr);
  EXPECT_FALSE(fs::exists(instance() + ".broken"));
  restart();
  EXPECT_EQ(info(database_).status, DatabaseStatus::failure);
  EXPECT_EQ(host_.engine().keyspace(database_), nullptr);
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::failed) << "and once more";
  expect_old_content_after_mending();
}

TEST_F(BrokenTest, IsRestorableAfterARestoreThatFailed) {
  make_broken();
  refuse_objects();
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::failed);
  watch_.before = nullptr;
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(database_), then_);
}

// What a replacement of long ago left beside it is not mistaken for the old content.
TEST_F(BrokenTest, IsNotTakenForAnEmptyInstanceBecauseOfALeftover) {
  make_broken();
  fs::create_directory(instance() + ".broken");
  write_file(instance() + ".broken/leftover", "of long ago");
  refuse_objects();
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::failed);
  expect_old_content_after_mending();
}

TEST_F(BrokenTest, PutsTheOldFilesBackAtTheNextStartWhenItCouldNotAtOnce) {
  host_.seams.files = &files_;
  make_broken();
  refuse_objects();
  gate_.hold("restore.run.after-reserve");
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate_.wait_reached());
  plan_.only("/databases/");
  plan_.fail_from(Call::rename, 1, ErrorCode::io_error);
  gate_.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::failed);
  EXPECT_EQ(host_.engine().keyspace(database_), nullptr);
  EXPECT_TRUE(fs::exists(instance() + ".broken"));
  plan_.clear();
  restart();
  EXPECT_FALSE(fs::exists(instance() + ".broken"));
  EXPECT_EQ(host_.engine().keyspace(database_), nullptr);
  expect_old_content_after_mending();
}

TEST_F(BrokenTest, LeftoversOfWhatWasReplacedAreRemovedLater) {
  host_.seams.files = &files_;
  make_broken();
  gate_.hold("restore.run.after-database");
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate_.wait_reached());
  plan_.only(".broken");
  plan_.fail_from(Call::remove_tree, 1, ErrorCode::io_error);
  gate_.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::succeeded);
  EXPECT_TRUE(fs::exists(instance() + ".broken"));
  plan_.clear();
  EXPECT_TRUE(wait_until([&] { return !fs::exists(instance() + ".broken"); })) << "while it runs";
  host_.close();
  fs::create_directory(instance() + ".broken");
  host_.open();
  EXPECT_FALSE(fs::exists(instance() + ".broken")) << "at the start";
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(BrokenTest, ARestoredDatabaseIsReadyEvenIfTheRegistryCouldNotSaySo) {
  make_broken();
  gate_.hold("restore.run.after-swap");
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate_.wait_reached());
  registry_.refuse_all = true;
  gate_.let_go();
  EXPECT_EQ(host_.wait(running.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_);
  host_.close();
  registry_.refuse_all = false;
  host_.open();
  EXPECT_EQ(host_.engine().operation(running.id)->state, OperationState::succeeded);
  EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(database_), then_);
}

// A database that was to be made from a backup, and never got its content.
TEST_F(BrokenTest, ADatabaseWithoutContentIsNotServed) {
  host_.open();
  make_history();
  refuse_objects();
  CreateDatabase request;
  request.name = "copy";
  request.from_backup = SourceBackup{{}, backup_};
  const CreatedDatabase copy = host_.engine().create_database(request, "test").value();
  EXPECT_EQ(host_.wait(*copy.operation).state, OperationState::failed);
  for (int opening = 0; opening < 2; ++opening) {
    EXPECT_EQ(info(copy.info.id).status, DatabaseStatus::failure);
    EXPECT_EQ(info(copy.info.id).failure->code, ErrorCode::object_store_unavailable);
    EXPECT_EQ(host_.engine().keyspace(copy.info.id), nullptr);
    restart();
  }
  watch_.before = nullptr;
  EXPECT_EQ(host_.restore(copy.info.id, backup_).state, OperationState::succeeded);
  EXPECT_EQ(info(copy.info.id).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(copy.info.id), then_);
}

// What its clients did meanwhile is not the content that it was to get.
TEST_F(BrokenTest, AFlushDoesNotMakeADatabaseWithoutContentReady) {
  StepGate gate("restore.run.after-reserve");
  host_.seams.step = gate.hook();
  host_.open();
  make_history();
  refuse_objects();
  CreateDatabase request;
  request.name = "copy";
  request.from_backup = SourceBackup{{}, backup_};
  const CreatedDatabase copy = host_.engine().create_database(request, "test").value();
  ASSERT_TRUE(gate.wait_reached());
  host_.put(copy.info.id, records("early:", 5, 7));
  ASSERT_TRUE(host_.engine().keyspace(copy.info.id)->replace_all({}, nullptr));
  gate.let_go();
  EXPECT_EQ(host_.wait(*copy.operation).state, OperationState::failed);
  for (int opening = 0; opening < 2; ++opening) {
    EXPECT_EQ(info(copy.info.id).status, DatabaseStatus::failure) << opening;
    EXPECT_EQ(host_.engine().keyspace(copy.info.id), nullptr);
    restart();
  }
  watch_.before = nullptr;
  EXPECT_EQ(host_.restore(copy.info.id, backup_).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(copy.info.id), then_);
}

// A limit of tasks: whoever asks is told, and nothing stays half made.
TEST_F(BrokenTest, WithoutAThreadForTheFirstRestoreOrCloneItIsAFailure) {
  std::atomic<bool> no_more = false;
  host_.seams.make_thread = [&](std::function<void()> work) {
    if (no_more) throw std::system_error(EAGAIN, std::generic_category());
    return std::thread(std::move(work));
  };
  host_.open();
  make_history();
  no_more = true;
  CreateDatabase from_backup;
  from_backup.from_backup = SourceBackup{{}, backup_};
  CreateDatabase from_database;
  from_database.from_database = SourceDatabase{database_};
  for (const CreateDatabase& request : {from_backup, from_database}) {
    const CreatedDatabase copy = host_.engine().create_database(request, "test").value();
    const OperationView ended = host_.wait(*copy.operation);
    EXPECT_EQ(ended.state, OperationState::failed);
    EXPECT_EQ(ended.error->code, ErrorCode::limit_reached);
    EXPECT_EQ(info(copy.info.id).status, DatabaseStatus::failure);
    EXPECT_EQ(info(copy.info.id).failure->code, ErrorCode::limit_reached);
    EXPECT_EQ(host_.engine().keyspace(copy.info.id), nullptr);
    no_more = false;
    EXPECT_EQ(host_.restore(copy.info.id, backup_).state, OperationState::succeeded);
    EXPECT_EQ(host_.content(copy.info.id), then_);
    no_more = true;
  }
  const OperationView refused = host_.restore(database_, backup_);
  EXPECT_EQ(refused.state, OperationState::failed);
  EXPECT_EQ(host_.content(database_), now_) << "what had content is as it was";
  EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
}

class ThrowingTest : public BrokenTest {
 protected:
  void throw_at(const std::string& place) {
    host_.seams.step = [place](std::string_view step) {
      if (step == place) throw std::bad_alloc();
    };
  }
};

TEST_F(ThrowingTest, ARestoreThatRunsOutOfMemoryLeavesNothingBehind) {
  throw_at("restore.run.after-fetch");
  host_.open();
  make_history();
  const OperationView ended = host_.restore(database_, backup_);
  EXPECT_EQ(ended.state, OperationState::failed);
  EXPECT_EQ(ended.error->code, ErrorCode::internal);
  EXPECT_EQ(host_.content(database_), now_);
  EXPECT_TRUE(host_.staged_files(database_).empty());
  CreateDatabase request;
  request.from_backup = SourceBackup{{}, backup_};
  const CreatedDatabase copy = host_.engine().create_database(request, "test").value();
  EXPECT_EQ(host_.wait(*copy.operation).state, OperationState::failed);
  EXPECT_EQ(info(copy.info.id).status, DatabaseStatus::failure) << "not provisioning for ever";
}

TEST_F(ThrowingTest, AfterTheSwapItHasSucceeded) {
  throw_at("restore.run.after-swap");
  make_broken();
  EXPECT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_FALSE(fs::exists(instance() + ".broken"));
  EXPECT_TRUE(host_.staged_files(database_).empty());
}

TEST_F(ThrowingTest, AfterItsSwapACloneIsReady) {
  throw_at("restore.clone.after-swap");
  host_.open();
  make_history();
  CreateDatabase request;
  request.from_database = SourceDatabase{database_};
  const CreatedDatabase copy = host_.engine().create_database(request, "test").value();
  EXPECT_EQ(host_.wait(*copy.operation).state, OperationState::succeeded);
  EXPECT_EQ(info(copy.info.id).status, DatabaseStatus::ready);
  EXPECT_TRUE(host_.staged_files(copy.info.id).empty());
  restart();
  EXPECT_EQ(info(copy.info.id).status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(copy.info.id), now_);
}

// The catalog alone says that it was made, and its live generation is not what the clone brought.
TEST_F(ThrowingTest, AFlushedCloneWhoseStatusIsNotOnRecordStays) {
  host_.seams.step = [this](std::string_view step) {
    if (step == "restore.clone.after-swap") registry_.refuse_all = true;
  };
  host_.open();
  make_history();
  CreateDatabase request;
  request.from_database = SourceDatabase{database_};
  const CreatedDatabase copy = host_.engine().create_database(request, "test").value();
  EXPECT_EQ(host_.wait(*copy.operation).state, OperationState::succeeded);
  ASSERT_TRUE(host_.engine().keyspace(copy.info.id)->replace_all({}, nullptr));
  registry_.refuse_all = false;  // of what was refused, the operation's end is recorded later
  restart();
  ASSERT_TRUE(host_.engine().database(copy.info.id));
  EXPECT_EQ(info(copy.info.id).status, DatabaseStatus::ready);
  EXPECT_TRUE(host_.content(copy.info.id).empty());
}

}  // namespace
}  // namespace restored::test
