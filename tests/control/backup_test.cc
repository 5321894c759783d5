#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <filesystem>

#include "control_test.h"

namespace restored::control {
namespace {

class BackupSurfaceTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    database_ = make_database("backed-up");
    path_ = "/v1/databases/db_" + database_.value + "/backups";
  }
  DatabaseId database_;
  std::string path_;
};

TEST_F(BackupSurfaceTest, ABackupIsMadeAndFound) {
  const HttpAnswer begun = post(path_, R"({"name":"nightly","extra":1})");
  ASSERT_EQ(begun.status, 201) << begun.text;
  expect_members(begun.at("data"), backup_details_members);
  EXPECT_EQ(begun.word("data.status"), "running");
  EXPECT_EQ(begun.word("data.name"), "nightly");
  EXPECT_EQ(begun.word("data.databaseId"), "db_" + database_.value);
  const OperationView operation = ended_operation_of(begun);
  EXPECT_EQ(operation.state, OperationState::succeeded);
  EXPECT_EQ(operation.kind, OperationKind::backup);
  const std::string id = begun.word("data.id");
  EXPECT_EQ(operation.backup.value, id);

  for (const std::string& path : {path_ + "/" + id, "/v1/backups/" + id}) {
    const HttpAnswer read = get(path);
    EXPECT_EQ(read.status, 200) << read.text;
    expect_members(read.at("data"), backup_details_members);
    EXPECT_EQ(read.word("data.status"), "completed");
    EXPECT_EQ(read.word("data.type"), "backup");
    EXPECT_EQ(read.word("data.backupType"), "full");
    EXPECT_EQ(read.word("data.name"), "nightly");
    EXPECT_GT(read.at("data.size").as_int64(), 0);
    EXPECT_EQ(read.at("data.entries").as_int64(), 3);
  }
  const HttpAnswer manifest = get("/v1/backups/" + id + "/manifest");
  EXPECT_EQ(manifest.status, 200);
  EXPECT_TRUE(manifest.body.is_object()) << manifest.text;
}

TEST_F(BackupSurfaceTest, TheListIsTheContractsNewestFirst) {
  const BackupId first = make_backup(database_);
  const BackupId second = make_backup(database_);
  const HttpAnswer list = get(path_);
  EXPECT_EQ(list.status, 200);
  expect_members(list.body, {{"data", "array"}, {"meta", "object"}, {"pagination", "object"}});
  expect_members(list.at("meta"), {{"backupRetentionDays", "number"}});
  expect_members(list.at("pagination"), {{"hasMore", "bool"}, {"limit", "integer"}});
  ASSERT_EQ(list.at("data").as_array().size(), 2u);
  for (const auto& item : list.at("data").as_array()) expect_members(item, backup_members);
  EXPECT_EQ(list.word("data.0.id"), second.value);
  EXPECT_EQ(list.word("data.1.id"), first.value);
  EXPECT_EQ(list.word("data.0.backupType"), "incremental");
  EXPECT_EQ(list.at("pagination.limit").as_int64(), 25);
  EXPECT_EQ(list.at("pagination.hasMore"), false);

  const HttpAnswer one = get(path_ + "?limit=1");
  EXPECT_EQ(one.at("data").as_array().size(), 1u);
  EXPECT_EQ(one.at("pagination.hasMore"), true);
  EXPECT_EQ(get(path_ + "?limit=100").status, 200);
  for (const char* query : {"?limit=0", "?limit=101", "?limit=many"}) {
    expect_error(get(path_ + query), 422, "invalid-request");
  }
  expect_error(get("/v1/databases/nobody/backups"), 404, "resource-not-found");
}

TEST_F(BackupSurfaceTest, RequestsAreChecked) {
  expect_error(post(path_, "x"), 400, "invalid-request");
  expect_error(post(path_, "[]"), 400, "invalid-request");
  expect_error(post(path_, R"({"name":1})"), 422, "invalid-request");
  expect_error(post("/v1/databases/nobody/backups", "{}"), 404, "resource-not-found");
  const HttpAnswer nameless = post(path_, "");
  EXPECT_EQ(nameless.status, 201) << "a body is not needed";
  ended_operation_of(nameless);
}

TEST_F(BackupSurfaceTest, ABackupBelongsToItsDatabase) {
  const BackupId backup = make_backup(database_);
  const DatabaseId other = make_database("other");
  const std::string elsewhere = "/v1/databases/" + other.value + "/backups/" + backup.value;
  expect_error(get(elsewhere), 404, "backup-not-found");
  expect_error(call("DELETE", elsewhere), 404, "backup-not-found");
  expect_error(post(elsewhere + "/verify", ""), 404, "backup-not-found");
  for (const char* id : {"nothing", "%2e%2e", "%2e%2e%2fmanifest", "a%00"}) {
    expect_error(get("/v1/backups/" + std::string(id)), 404, "backup-not-found");
  }
}

TEST_F(BackupSurfaceTest, VerifyingReadsEveryFrame) {
  const BackupId backup = make_backup(database_);
  const HttpAnswer begun = post(path_ + "/" + backup.value + "/verify", "");
  EXPECT_EQ(begun.status, 202) << begun.text;
  expect_members(begun.at("data"), operation_members);
  EXPECT_EQ(begun.word("data.kind"), "verify");
  EXPECT_EQ(ended_operation_of(begun).state, OperationState::succeeded);

  // One flipped byte in an object's frames.
  std::string object;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(directory_.file("repository/objects"))) {
    if (entry.is_regular_file()) object = entry.path();
  }
  ASSERT_FALSE(object.empty());
  std::string bytes = test::read_whole_file(object);
  bytes[bytes.size() / 4] = static_cast<char>(bytes[bytes.size() / 4] ^ 1);
  test::write_file(object, bytes);
  const HttpAnswer again = post("/v1/backups/" + backup.value + "/verify", "");
  const OperationView failed = ended_operation_of(again);
  EXPECT_EQ(failed.state, OperationState::failed);
  const HttpAnswer shown = get("/v1/operations/" + failed.id.value);
  EXPECT_EQ(shown.word("data.status"), "failed");
  EXPECT_EQ(shown.word("data.error.code"), "corrupt-data") << shown.text;
}

TEST_F(BackupSurfaceTest, TheLiveContentIsToldByItsDigest) {
  const std::string content = path_.substr(0, path_.rfind('/')) + "/content";
  const HttpAnswer first = get(content);
  ASSERT_EQ(first.status, 200) << first.text;
  expect_members(first.at("data"), {{"type", "string"},
                                    {"databaseId", "string"},
                                    {"generation", "integer"},
                                    {"asOf", "time"},
                                    {"asOfMillis", "integer"},
                                    {"rows", "integer"},
                                    {"bytes", "integer"},
                                    {"hash", "string"},
                                    {"rowsExpired", "integer"}});
  EXPECT_EQ(first.word("data.hash").size(), 32u);
  const HttpAnswer again = get(content);
  EXPECT_EQ(again.word("data.hash"), first.word("data.hash"));
  expect_error(get("/v1/databases/nobody/content"), 404, "resource-not-found");
}

TEST_F(BackupSurfaceTest, AFastVerificationAsksForSizesOnly) {
  const BackupId backup = make_backup(database_);
  const std::string path = "/v1/backups/" + backup.value + "/verify";
  const OperationView fast = ended_operation_of(post(path, R"({"fast":true})"));
  EXPECT_EQ(fast.state, OperationState::succeeded);
  EXPECT_EQ(fast.bytes_transferred, 0u) << "nothing was read";
  std::string object;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(directory_.file("repository/objects"))) {
    if (entry.is_regular_file()) object = entry.path();
  }
  ASSERT_FALSE(object.empty());
  std::filesystem::resize_file(object, std::filesystem::file_size(object) - 1);
  EXPECT_EQ(ended_operation_of(post(path, R"({"fast":true})")).state, OperationState::failed);
  expect_error(post(path, R"({"fast":"yes"})"), 422, "invalid-request");
  expect_error(post(path, "fast"), 400, "invalid-request");
}

TEST_F(BackupSurfaceTest, ACollectionRemovesWhatNoBackupNamesWhenItIsOldEnough) {
  const Members members{{"type", "string"},
                        {"dryRun", "bool"},
                        {"backups", "integer"},
                        {"backupsUnreadable", "integer"},
                        {"objects", "integer"},
                        {"objectsBytes", "integer"},
                        {"objectsUnreferenced", "integer"},
                        {"objectsYoung", "integer"},
                        {"objectsRemoved", "integer"},
                        {"bytesRemoved", "integer"},
                        {"documentsRemoved", "integer"},
                        {"uploadsRemoved", "integer"},
                        {"failed", "integer"},
                        {"seconds", "number"}};
  const BackupId backup = make_backup(database_);
  const std::string directory = directory_.file("repository/objects/ab");
  std::filesystem::create_directories(directory);
  const std::string stray = directory + "/ab" + std::string(30, '0');
  test::write_file(stray, "nobody's");
  const HttpAnswer young = post("/v1/repository/collect", "");
  ASSERT_EQ(young.status, 200) << young.text;
  expect_members(young.at("data"), members);
  EXPECT_EQ(young.at("data.dryRun"), false);
  EXPECT_EQ(young.at("data.objectsYoung").as_int64(), 1);
  EXPECT_TRUE(std::filesystem::exists(stray));
  std::filesystem::last_write_time(
      stray, std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * 30));
  const HttpAnswer dry = post("/v1/repository/collect", R"({"dryRun":true})");
  ASSERT_EQ(dry.status, 200) << dry.text;
  EXPECT_EQ(dry.at("data.dryRun"), true);
  EXPECT_EQ(dry.at("data.objectsRemoved").as_int64(), 1);
  EXPECT_EQ(dry.at("data.bytesRemoved").as_int64(), 8);
  EXPECT_TRUE(std::filesystem::exists(stray));
  EXPECT_EQ(post("/v1/repository/collect", R"({"dryRun":false})").status, 200);
  EXPECT_FALSE(std::filesystem::exists(stray));
  EXPECT_EQ(ended_operation_of(post("/v1/backups/" + backup.value + "/verify", "")).state,
            OperationState::succeeded);
  expect_error(post("/v1/repository/collect", R"({"dryRun":1})"), 422, "invalid-request");
  expect_error(call("GET", "/v1/repository/collect"), 405, "method-not-allowed");
  const std::string reader = new_token(static_cast<Scopes>(Scope::read));
  expect_error(call("POST", "/v1/repository/collect", "{}", {"Authorization: Bearer " + reader}),
               403, "permission-missing");
}

TEST_F(BackupSurfaceTest, ARekeyNeedsAKeyAndTheRightToWrite) {
  expect_error(post("/v1/repository/rekey", ""), 422, "encryption-key-missing");
  expect_error(post("/v1/repository/rekey", R"({"keepPrevious":1})"), 422, "invalid-request");
  const std::string reader = new_token(static_cast<Scopes>(Scope::read));
  expect_error(call("POST", "/v1/repository/rekey", "{}", {"Authorization: Bearer " + reader}), 403,
               "permission-missing");
}

TEST_F(BackupSurfaceTest, DeletingAnswers204AndThenItIsGone) {
  const BackupId first = make_backup(database_);
  const BackupId second = make_backup(database_);
  EXPECT_EQ(call("DELETE", path_ + "/" + first.value).status, 204);
  EXPECT_EQ(call("DELETE", "/v1/backups/" + second.value).status, 204);
  expect_error(get("/v1/backups/" + first.value), 404, "backup-not-found");
  expect_error(call("DELETE", "/v1/backups/" + second.value), 404, "backup-not-found");
  EXPECT_EQ(get(path_).at("data").as_array().size(), 0u);
}

}  // namespace
}  // namespace restored::control
