// Backups through the engine: what is uploaded, what is listed, what is refused.
#include <gtest/gtest.h>

#include <filesystem>

#include "step_gate.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"
#include "test_host.h"
#include "watched_store.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() : host_(directory_.file("state"), directory_.file("repository")) {
    host_.seams.wrap_store = watch_.wrap();
  }
  void TearDown() override { watch_.before = nullptr; }

  std::size_t objects() const {
    std::size_t count = 0;
    const fs::path root = directory_.file("repository/objects");
    if (!fs::exists(root)) return 0;
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }

  const TemporaryDirectory directory_;
  StoreWatch watch_;
  TestHost host_;
};

TEST_F(BackupTest, OfAnEmptyDatabaseRestoresToAnEmptyOne) {
  host_.open();
  const DatabaseId empty = host_.make_database("empty");
  const BackupId backup = host_.back_up(empty);
  const BackupInfo info = host_.engine().backup(backup).value();
  EXPECT_EQ(info.status, BackupStatus::completed);
  EXPECT_EQ(info.files, 0u);
  EXPECT_EQ(info.content_bytes, 0u);
  const DatabaseId target = host_.make_database("target");
  host_.put(target, records("key:", 100));
  ASSERT_EQ(host_.restore(target, backup).state, OperationState::succeeded);
  EXPECT_TRUE(host_.content(target).empty());
}

TEST_F(BackupTest, UploadsOnlyFilesThatTheRepositoryDoesNotHave) {
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  host_.put(id, records("a:", 500, 1));
  const BackupId first = host_.back_up(id);
  EXPECT_FALSE(host_.engine().backup(first)->incremental);
  EXPECT_EQ(objects(), 1u);

  host_.put(id, records("b:", 500, 2));
  watch_.clear();
  const BackupId second = host_.back_up(id);
  EXPECT_EQ(watch_.count("upload"), 1) << "the file of the first backup is not uploaded again";
  const BackupInfo info = host_.engine().backup(second).value();
  EXPECT_TRUE(info.incremental);
  EXPECT_EQ(info.files, 2u);
  EXPECT_LT(info.uploaded_bytes, info.stored_bytes);
  EXPECT_EQ(objects(), 2u);

  watch_.clear();
  const BackupId third = host_.back_up(id);
  EXPECT_EQ(watch_.count("upload"), 0) << "nothing is new";
  EXPECT_EQ(host_.engine().backup(third)->uploaded_bytes, 0u);

  Content all = records("a:", 500, 1);
  all.merge(records("b:", 500, 2));
  const DatabaseId target = host_.make_database("target");
  ASSERT_EQ(host_.restore(target, third).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(target), all);
  ASSERT_EQ(host_.restore(target, first).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(target), records("a:", 500, 1));
}

TEST_F(BackupTest, UploadsAgainWhatTheRepositoryHasLost) {
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  host_.put(id, records("a:", 500, 1));
  host_.back_up(id);
  for (const auto& entry :
       fs::recursive_directory_iterator(directory_.file("repository/objects"))) {
    if (entry.is_regular_file()) fs::resize_file(entry.path(), fs::file_size(entry.path()) - 1);
  }
  std::vector<fs::path> damaged;
  for (const auto& entry :
       fs::recursive_directory_iterator(directory_.file("repository/objects"))) {
    if (entry.is_regular_file()) damaged.push_back(entry.path());
  }
  for (const fs::path& path : damaged) fs::remove(path);
  const BackupId second = host_.back_up(id);
  const DatabaseId target = host_.make_database("target");
  ASSERT_EQ(host_.restore(target, second).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(target), records("a:", 500, 1));
}

TEST_F(BackupTest, RunsWhileClientsWrite) {
  StepGate gate("backup.make.after-export");
  host_.seams.step = gate.hook();
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  const Content then = records("a:", 300, 1);
  host_.put(id, then);
  const OperationView running = host_.engine().start_backup(id, "", "test", 1 * kGiB).value();
  EXPECT_EQ(running.bandwidth_bytes_per_second, 1 * kGiB) << "accepted with its limit";
  ASSERT_TRUE(gate.wait_reached());
  host_.put(id, records("b:", 300, 2));
  EXPECT_EQ(host_.engine().database(id)->status, DatabaseStatus::ready);
  EXPECT_EQ(host_.start_restore(id, running.backup).error().code, ErrorCode::database_busy);
  EXPECT_EQ(host_.engine().start_backup(id, "", "test").error().code, ErrorCode::database_busy);
  EXPECT_EQ(host_.engine().operation(running.id)->bandwidth_bytes_per_second, 1 * kGiB);
  gate.let_go();
  ASSERT_EQ(host_.wait(running.id).state, OperationState::succeeded);
  const DatabaseId target = host_.make_database("target");
  ASSERT_EQ(host_.restore(target, running.backup).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(target), then) << "the content of the moment of the export";
}

TEST_F(BackupTest, AreListedNewestFirstRunningAndFailedOnesIncluded) {
  StepGate gate("backup.make.after-upload");
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  host_.put(id, records("a:", 100));
  const BackupId first = host_.back_up(id, "one");
  watch_.before = [](std::string_view call, std::string_view) -> Result<void> {
    if (call != "upload" && call != "put") return {};
    return fail(ErrorCode::object_store_unavailable, "the store is away");
  };
  host_.put(id, records("b:", 100));
  const OperationView failed = host_.engine().start_backup(id, "two", "test").value();
  const OperationView ended = host_.wait(failed.id);
  EXPECT_EQ(ended.state, OperationState::failed);
  EXPECT_EQ(ended.error->code, ErrorCode::object_store_unavailable);
  EXPECT_TRUE(host_.staged_files(id).empty());
  watch_.before = nullptr;
  host_.close();
  host_.seams.step = gate.hook();
  host_.open();
  const OperationView running = host_.engine().start_backup(id, "three", "test").value();
  ASSERT_TRUE(gate.wait_reached());

  const std::vector<BackupInfo> list = host_.engine().backups(id).value();
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].name, "three");
  EXPECT_EQ(list[0].status, BackupStatus::running);
  EXPECT_EQ(list[0].operation, running.id);
  EXPECT_EQ(list[1].name, "two");
  EXPECT_EQ(list[1].status, BackupStatus::failed);
  EXPECT_EQ(list[1].error->code, ErrorCode::object_store_unavailable);
  EXPECT_EQ(list[2].id, first);
  EXPECT_EQ(list[2].status, BackupStatus::completed);
  EXPECT_EQ(list[2].entries, 100u);
  const DatabaseId target = host_.make_database("target");
  const auto refused = host_.start_restore(target, running.backup);
  ASSERT_FALSE(refused) << "a backup that is being made is none yet";
  EXPECT_EQ(refused.error().code, ErrorCode::backup_not_usable);
  EXPECT_EQ(facts(refused.error().code).http_status, 422);
  EXPECT_NE(refused.error().message.find(running.id.value), std::string::npos);
  CreateDatabase from_running;
  from_running.from_backup = SourceBackup{{}, running.backup};
  EXPECT_EQ(host_.engine().create_database(from_running, "test").error().code,
            ErrorCode::backup_not_usable);
  EXPECT_EQ(host_.engine().database(target)->status, DatabaseStatus::ready);
  gate.let_go();
  host_.wait(running.id);
  EXPECT_EQ(host_.engine().backups(id)->size(), 3u);
  EXPECT_EQ(host_.engine().backups(DatabaseId("nobody")).error().code,
            ErrorCode::database_not_found);
}

TEST_F(BackupTest, RemovedOnesAreGoneAndSharedObjectsStay) {
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  host_.put(id, records("a:", 500, 1));
  const BackupId first = host_.back_up(id);
  host_.put(id, records("b:", 500, 2));
  const BackupId second = host_.back_up(id);
  ASSERT_TRUE(host_.engine().remove_backup(first));
  EXPECT_EQ(host_.engine().backup(first).error().code, ErrorCode::backup_not_found);
  EXPECT_EQ(host_.engine().backups(id)->size(), 1u);
  const DatabaseId target = host_.make_database("target");
  ASSERT_EQ(host_.restore(target, second).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(target).size(), 1000u);
  ASSERT_TRUE(host_.engine().remove_backup(second));
  EXPECT_TRUE(wait_until([&] { return objects() == 0; })) << "in the background";
  EXPECT_EQ(host_.engine().remove_backup(second).error().code, ErrorCode::backup_not_found);
}

TEST_F(BackupTest, AreVerifiedByReadingEveryFrame) {
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  host_.put(id, records("a:", 500, 1));
  const BackupId backup = host_.back_up(id);
  const OperationView good = host_.engine().start_verify(backup, VerifyDepth::full, "test").value();
  const OperationView ended = host_.wait(good.id);
  EXPECT_EQ(ended.state, OperationState::succeeded);
  EXPECT_EQ(ended.bytes_done, ended.bytes_total);
  EXPECT_GT(ended.bytes_done, 0u);
  for (const auto& entry :
       fs::recursive_directory_iterator(directory_.file("repository/objects"))) {
    if (!entry.is_regular_file()) continue;
    std::string bytes = read_whole_file(entry.path().string());
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
    write_file(entry.path().string(), bytes);
  }
  const OperationView bad = host_.engine().start_verify(backup, VerifyDepth::full, "test").value();
  const OperationView failed = host_.wait(bad.id);
  EXPECT_EQ(failed.state, OperationState::failed);
  EXPECT_EQ(failed.error->code, ErrorCode::corruption);
  EXPECT_NE(failed.error->message.find(".sst"), std::string::npos) << failed.error->message;
  EXPECT_EQ(host_.engine().start_verify(BackupId("none"), VerifyDepth::full, "test").error().code,
            ErrorCode::backup_not_found);
}

TEST_F(BackupTest, OutliveTheirDatabase) {
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  const Content content = records("a:", 200, 1);
  host_.put(id, content);
  const BackupId backup = host_.back_up(id);
  const DatabaseId target = host_.make_database("target");
  ASSERT_TRUE(host_.engine().remove_database(id));
  EXPECT_EQ(host_.engine().backups(id)->size(), 1u);
  const auto started = host_.engine().start_restore({target, id, backup, "test"});
  ASSERT_TRUE(started) << started.error().message;
  ASSERT_EQ(host_.wait(started->id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(target), content);
}

TEST_F(BackupTest, TheManifestReadsAsJson) {
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  host_.put(id, records("a:", 10));
  const BackupId backup = host_.back_up(id);
  const Result<std::string> text = host_.engine().backup_manifest(backup);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find(backup.value), std::string::npos);
  EXPECT_EQ(host_.engine().backup_manifest(BackupId("x")).error().code,
            ErrorCode::backup_not_found);
}

class LifecycleTest : public BackupTest {};

TEST_F(LifecycleTest, ARemovedDatabaseIsGoneForSessionsAtOnceAndFromTheDiskSoon) {
  host_.open();
  CreateDatabase request;
  request.name = "orders";
  const CreatedDatabase made = host_.engine().create_database(request, "test").value();
  const DatabaseId id = made.info.id;
  host_.put(id, records("a:", 10));
  std::shared_ptr<Keyspace> session = host_.engine().keyspace(id);
  std::shared_ptr<const Generation> pin = session->pin();
  ASSERT_TRUE(host_.engine().remove_database(id));
  EXPECT_EQ(host_.engine().keyspace(id), nullptr);
  EXPECT_EQ(host_.engine().database(id).error().code, ErrorCode::database_not_found);
  EXPECT_FALSE(host_.engine().authenticate("", made.connection.password).has_value());
  EXPECT_FALSE(host_.engine().connection_exists(made.connection.info.id));
  EXPECT_TRUE(pin->get("none").has_value()) << "a command in flight ends in peace";
  pin.reset();
  session.reset();
  EXPECT_TRUE(
      wait_until([&] { return !fs::exists(host_.state_directory() + "/databases/" + id.value); }));
}

TEST_F(LifecycleTest, TheDefaultDatabaseCannotBeRemovedAndThereIsOneOnly) {
  host_.open();
  CreateDatabase request;
  request.is_default = true;
  request.name = "first";
  const DatabaseId first = host_.engine().create_database(request, "test")->info.id;
  EXPECT_EQ(host_.engine().remove_database(first).error().code, ErrorCode::default_database);
  request.name = "second";
  const DatabaseId second = host_.engine().create_database(request, "test")->info.id;
  EXPECT_TRUE(host_.engine().database(second)->is_default);
  EXPECT_FALSE(host_.engine().database(first)->is_default);
  EXPECT_TRUE(host_.engine().remove_database(first));
}

TEST_F(LifecycleTest, ADatabaseThatCannotBeMadeFromItsBackupIsNotMade) {
  host_.open();
  CreateDatabase request;
  request.name = "orders";
  request.from_backup = SourceBackup{DatabaseId("nobody"), BackupId("nothing")};
  EXPECT_EQ(host_.engine().create_database(request, "test").error().code,
            ErrorCode::source_database_not_found);
  EXPECT_TRUE(host_.engine().databases().empty());
}

TEST_F(LifecycleTest, AFailedRestoreIntoANewDatabaseIsItsFailureAndARestoreTheWayOut) {
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  const Content content = records("a:", 200, 1);
  host_.put(id, content);
  const BackupId backup = host_.back_up(id);
  watch_.before = [](std::string_view call, std::string_view) -> Result<void> {
    if (call != "read") return {};
    return fail(ErrorCode::object_store_unavailable, "the store is away");
  };
  CreateDatabase request;
  request.name = "copy";
  request.from_backup = SourceBackup{id, backup};
  const CreatedDatabase made = host_.engine().create_database(request, "test").value();
  EXPECT_EQ(host_.wait(*made.operation).state, OperationState::failed);
  DatabaseInfo info = host_.engine().database(made.info.id).value();
  EXPECT_EQ(info.status, DatabaseStatus::failure);
  EXPECT_EQ(info.failure->code, ErrorCode::object_store_unavailable);
  watch_.before = nullptr;
  host_.close();
  host_.open();
  info = host_.engine().database(made.info.id).value();
  EXPECT_EQ(info.status, DatabaseStatus::failure) << "it is not forgotten";
  ASSERT_EQ(host_.restore(made.info.id, backup).state, OperationState::succeeded);
  EXPECT_EQ(host_.engine().database(made.info.id)->status, DatabaseStatus::ready);
  EXPECT_EQ(host_.content(made.info.id), content);
}

TEST_F(LifecycleTest, TheStateDirectoryHasOneUser) {
  host_.open();
  TestHost other(host_.state_directory(), directory_.file("repository"));
  const Result<void> opened = other.try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::state_locked);
}

TEST_F(LifecycleTest, TheAdministratorsTokenIsMadeOnce) {
  host_.open();
  std::string kept;
  const auto keep = [&](const std::string& secret) -> Result<void> {
    EXPECT_FALSE(host_.engine().token(secret).has_value()) << "not before it is kept";
    kept = secret;
    return {};
  };
  const auto cannot = [](const std::string&) { return fail(ErrorCode::no_space, "no room"); };
  EXPECT_EQ(host_.engine().ensure_admin_token(cannot).error().code, ErrorCode::no_space);
  EXPECT_TRUE(host_.engine().tokens().empty());
  const auto token = host_.engine().ensure_admin_token(keep);
  ASSERT_TRUE(token && token->has_value());
  EXPECT_EQ((*token)->info.scopes, 7);
  EXPECT_EQ((*token)->secret, kept);
  EXPECT_FALSE(host_.engine().ensure_admin_token(cannot)->has_value());
  host_.close();
  host_.open();
  EXPECT_FALSE(host_.engine().ensure_admin_token(cannot)->has_value());
  EXPECT_TRUE(host_.engine().token((*token)->secret).has_value());
  EXPECT_EQ(host_.engine().create_token("none", 0).error().code, ErrorCode::invalid_value);
}

TEST_F(LifecycleTest, ARenameKeepsEverythingElse) {
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  ASSERT_TRUE(host_.engine().rename_database(id, "sales"));
  EXPECT_EQ(host_.engine().database(id)->name, "sales");
  EXPECT_EQ(host_.engine().database(id)->status, DatabaseStatus::ready);
  EXPECT_EQ(host_.engine().rename_database(DatabaseId("none"), "x").error().code,
            ErrorCode::database_not_found);
}

TEST_F(LifecycleTest, WrongOptionsAreNamed) {
  host_.options.memory_budget_bytes = 1;
  EXPECT_EQ(host_.try_open().error().code, ErrorCode::invalid_configuration);
  host_.options.memory_budget_bytes = 64 * kMiB;
  host_.options.repository_url = "ftp://nowhere";
  EXPECT_EQ(host_.try_open().error().code, ErrorCode::invalid_configuration);
}

}  // namespace
}  // namespace restored::test
