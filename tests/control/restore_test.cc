// Each row of the restore contract's table of answers, and what surrounds it.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <latch>
#include <thread>

#include "control_test.h"

namespace restored::control {
namespace {

class RestoreSurfaceTest : public ControlTest {
 protected:
  void configure(EngineOptions& engine, ControlOptions&) override {
    engine.space_reserve_bytes = reserve_;
  }
  void SetUp() override {
    ControlTest::SetUp();
    source_ = make_database("source", 10);
    target_ = make_database("target", 2);
    backup_ = make_backup(source_);
  }
  std::string body() const { return restore_body(source_, backup_); }
  std::optional<std::string> value(const std::string& key) {
    const auto found = engine_->keyspace(target_)->pin()->get("k" + key);
    EXPECT_TRUE(found);
    return found ? *found : std::nullopt;
  }

  std::uint64_t reserve_ = 0;
  DatabaseId source_;
  DatabaseId target_;
  BackupId backup_;
};

TEST_F(RestoreSurfaceTest, AcceptedIs200WithTheDatabaseRecovering) {
  ASSERT_FALSE(value("key9"));
  const HttpAnswer accepted = post(restore_path(target_), body());
  ASSERT_EQ(accepted.status, 200) << accepted.text;
  expect_members(accepted.at("data"), database_members);
  EXPECT_EQ(accepted.word("data.id"), "db_" + target_.value);
  EXPECT_EQ(accepted.word("data.status"), "recovering");
  EXPECT_EQ(boost::json::serialize(accepted.at("data.source")),
            R"({"type":"backup","databaseId":"db_)" + source_.value + R"(","backupId":")" +
                backup_.value + "\"}");
  expect_members(accepted.at("data.connections.0.endpoints.direct"),
                 {{"host", "string"}, {"port", "integer"}});
  EXPECT_EQ(ended_operation_of(accepted).state, OperationState::succeeded);
  const HttpAnswer after = get("/v1/databases/" + target_.value);
  EXPECT_EQ(after.word("data.status"), "ready");
  EXPECT_EQ(after.word("data.source.backupId"), backup_.value);
  EXPECT_TRUE(value("key9"));
}

TEST_F(RestoreSurfaceTest, ConnectionsAndPasswordsSurvive) {
  const auto made = engine_->create_connection(target_, "kept");
  const std::string before =
      boost::json::serialize(get("/v1/databases/" + target_.value).at("data.connections"));
  ended_operation_of(post(restore_path(target_), body()));
  EXPECT_EQ(boost::json::serialize(get("/v1/databases/" + target_.value).at("data.connections")),
            before);
  EXPECT_TRUE(engine_->authenticate(made->info.id.value, made->password));
}

TEST_F(RestoreSurfaceTest, TheSourceMayBeTheTargetAndPrefixesMayBeMissing) {
  const std::string bare = R"({"source":{"type":"backup","databaseId":")" + source_.value +
                           R"(","backupId":")" + backup_.value + "\",\"more\":1}}";
  const HttpAnswer accepted = post("/v1/databases/" + source_.value + "/restore", bare);
  EXPECT_EQ(accepted.status, 200) << accepted.text;
  EXPECT_EQ(ended_operation_of(accepted).state, OperationState::succeeded);
}

TEST_F(RestoreSurfaceTest, NoJsonObjectIs400) {
  for (const char* text : {"", "{", "[]", "null", "\"source\"", "{\"source\":"}) {
    expect_error(post(restore_path(target_), text), 400, "invalid-request");
    expect_error(post(restore_path(target_) + "/validate", text), 400, "invalid-request");
  }
}

TEST_F(RestoreSurfaceTest, NoCredentialsAre401) {
  expect_error(call("POST", restore_path(target_), body(), {"Authorization:"}), 401,
               "authentication-required");
}

TEST_F(RestoreSurfaceTest, UnknownThingsAre404WithACodeEach) {
  const DatabaseId nobody("nobody");
  const BackupId nothing("nothing");
  expect_error(post(restore_path(nobody), body()), 404, "target-database-not-found");
  expect_error(post("/v1/databases/UPPER/restore", body()), 404, "target-database-not-found");
  expect_error(post(restore_path(target_), restore_body(nobody, backup_)), 404,
               "source-database-not-found");
  expect_error(post(restore_path(target_), restore_body(DatabaseId("../x"), backup_)), 404,
               "source-database-not-found");
  expect_error(post(restore_path(target_), restore_body(source_, nothing)), 404,
               "backup-not-found");
  expect_error(post(restore_path(target_), restore_body(source_, BackupId("../x"))), 404,
               "backup-not-found");
  expect_error(post(restore_path(target_), restore_body(target_, backup_)), 404,
               "backup-not-found");
}

TEST_F(RestoreSurfaceTest, AnotherSourceTypeIs422) {
  for (const char* source :
       {R"({"type":"empty"})", R"({"type":"database","databaseId":"x"})", R"({"type":5})",
        R"({"type":null})", "{}", R"({"databaseId":"x","backupId":"y"})"}) {
    expect_error(post(restore_path(target_), R"({"source":)" + std::string(source) + "}"), 422,
                 "unsupported-source-type");
  }
}

TEST_F(RestoreSurfaceTest, AMissingOrWrongMemberIs422) {
  for (const char* text :
       {"{}", R"({"source":null})", R"({"source":"backup"})", R"({"source":[]})",
        R"({"source":{"type":"backup"}})", R"({"source":{"type":"backup","databaseId":"x"}})",
        R"({"source":{"type":"backup","backupId":"x"}})",
        R"({"source":{"type":"backup","databaseId":5,"backupId":"x"}})",
        R"({"source":{"type":"backup","databaseId":"x","backupId":null}})"}) {
    expect_error(post(restore_path(target_), text), 422, "invalid-source");
  }
}

TEST_F(RestoreSurfaceTest, ABusyTargetIs409AndLeadsToItsOperation) {
  const auto keyspace = engine_->keyspace(target_);
  WritePermit permit = keyspace->try_begin_write();  // the swap waits for it
  const HttpAnswer first = post(restore_path(target_), body());
  ASSERT_EQ(first.status, 200) << first.text;
  for (const HttpAnswer& busy :
       {post(restore_path(target_), body()), post(restore_path(target_) + "/validate", body())}) {
    expect_error(busy, 409, "database-recovering");
    EXPECT_GE(std::atoi(busy.header("retry-after").c_str()), 1);
    EXPECT_EQ(busy.header("link"), first.header("link"));
  }
  const HttpAnswer deleted = call("DELETE", "/v1/databases/" + target_.value);
  EXPECT_EQ(deleted.status, 409) << deleted.text;
  EXPECT_EQ(get("/v1/databases/" + target_.value).word("data.status"), "recovering");
  EXPECT_EQ(get("/v1/databases").status, 200) << "listing works in every status";
  EXPECT_EQ(get("/v1/databases/" + target_.value + "/backups").status, 200);
  permit.release();
  EXPECT_EQ(ended_operation_of(first).state, OperationState::succeeded);
}

TEST_F(RestoreSurfaceTest, ATargetThatIsBeingMadeIs409) {
  CreateDatabase request;
  request.name = "new";
  request.from_backup = SourceBackup{source_, backup_};
  const auto made = engine_->create_database(std::move(request), "test");
  ASSERT_TRUE(made);
  const auto keyspace = engine_->keyspace(made->info.id);
  WritePermit permit = keyspace->try_begin_write();
  ASSERT_TRUE(permit);
  const HttpAnswer busy = post(restore_path(made->info.id), body());
  expect_error(busy, 409, "database-provisioning");
  EXPECT_FALSE(busy.header("retry-after").empty());
  EXPECT_TRUE(busy.header("link").find("/v1/operations/") != std::string::npos);
  permit.release();
  EXPECT_EQ(ended(*made->operation).state, OperationState::succeeded);
}

TEST_F(RestoreSurfaceTest, OfTwoRacingRequestsExactlyOneIsAccepted) {
  for (int round = 0; round < 3; ++round) {
    std::vector<HttpAnswer> answers(4);
    std::vector<std::thread> clients;
    std::latch begin(4);
    const auto keyspace = engine_->keyspace(target_);
    WritePermit permit = keyspace->try_begin_write();
    ASSERT_TRUE(permit);
    const std::string text = body();
    test::write_file(directory_.file("race"), text);
    std::vector<std::string> arguments = curl_address();
    arguments.insert(arguments.end(),
                     {"-H", "Authorization: Bearer " + admin_, "--data-binary",
                      "@" + directory_.file("race"), "http://localhost" + restore_path(target_)});
    for (HttpAnswer& answer : answers) {
      clients.emplace_back([&] {
        begin.arrive_and_wait();
        answer = curl(arguments);
      });
    }
    for (std::thread& client : clients) client.join();
    permit.release();
    int accepted = 0;
    for (const HttpAnswer& answer : answers) {
      if (answer.status == 200) {
        ++accepted;
        ended_operation_of(answer);
      } else {
        expect_error(answer, 409, "database-recovering");
      }
    }
    EXPECT_EQ(accepted, 1);
  }
}

TEST_F(RestoreSurfaceTest, ADamagedManifestIs422) {
  const std::string path = directory_.file("repository/backups/" + backup_.value + "/manifest");
  std::string bytes = test::read_whole_file(path);
  ASSERT_FALSE(bytes.empty());
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  test::write_file(path, bytes);
  expect_error(post(restore_path(target_), body()), 422, "backup-not-usable");
  expect_error(post(restore_path(target_) + "/validate", body()), 422, "backup-not-usable");
  EXPECT_EQ(get("/v1/databases/" + target_.value).word("data.status"), "ready");
}

TEST_F(RestoreSurfaceTest, ARepositoryThatIsAwayIs503UntilItIsBack) {
  const std::string here = directory_.file("repository");
  const std::string away = directory_.file("unmounted");
  std::filesystem::rename(here, away);
  for (const std::string& path : {restore_path(target_), restore_path(target_) + "/validate"}) {
    const HttpAnswer answer = post(path, body());
    expect_error(answer, 503, "object-store-unavailable");
    EXPECT_GE(std::atoi(answer.header("retry-after").c_str()), 1);
  }
  const HttpAnswer second = call("POST", "/v2/redis/restore-backup/" + target_.value,
                                 R"({"backup_id":")" + backup_.value + "\"}");
  expect_second_error(second, 503);
  EXPECT_FALSE(second.header("retry-after").empty());
  EXPECT_EQ(get("/v1/databases/" + target_.value).word("data.status"), "ready");
  std::filesystem::rename(away, here);
  EXPECT_EQ(ended_operation_of(post(restore_path(target_), body())).state,
            OperationState::succeeded);
}

TEST_F(RestoreSurfaceTest, TooLittleSpaceIs422WithNumbers) {
  const auto needed = post(restore_path(target_) + "/validate", body()).at("data.stagingBytes");
  ASSERT_GT(needed.to_number<std::uint64_t>(), 0u);
  stop();
  reserve_ = 1ull << 62;
  start();
  const HttpAnswer answer = post(restore_path(target_), body());
  expect_error(answer, 422, "insufficient-space");
  const std::string begin = "the restore needs " + boost::json::serialize(needed) +
                            " bytes and a reserve of 4611686018427387904 bytes, ";
  const std::string message = answer.word("error.message");
  ASSERT_TRUE(message.starts_with(begin)) << message << "\nwanted: " << begin;
  std::size_t digits = 0;
  const unsigned long long free = std::stoull(message.substr(begin.size()), &digits);
  EXPECT_EQ(message.substr(begin.size() + digits), " are free");
  EXPECT_GT(free, 0u);
  EXPECT_LE(free, std::filesystem::space(directory_.path()).capacity);
  const HttpAnswer second = call("POST", "/v2/redis/restore-backup/" + target_.value,
                                 R"({"backup_id":")" + backup_.value + "\"}");
  expect_second_error(second, 400);
  EXPECT_TRUE(second.word("error").starts_with(begin)) << second.text;
}

TEST_F(RestoreSurfaceTest, AProblemIsDescribedAsRfc9457WhenAskedFor) {
  const HttpAnswer answer =
      call("POST", restore_path(target_), "{}", {"Accept: application/problem+json"});
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.header("content-type"), "application/problem+json");
  expect_members(answer.body, {{"type", "string"},
                               {"title", "string"},
                               {"status", "integer"},
                               {"detail", "string"},
                               {"code", "string"},
                               {"hint", "string"}});
  EXPECT_EQ(answer.word("code"), "invalid-source");
}

TEST_F(RestoreSurfaceTest, ValidateTellsWhatWouldBeReplacedAndTouchesNothing) {
  const HttpAnswer answer = post(restore_path(target_) + "/validate", body());
  ASSERT_EQ(answer.status, 200) << answer.text;
  expect_members(answer.at("data"), {{"type", "string"},
                                     {"backup", "object"},
                                     {"database", "object"},
                                     {"stagingBytes", "integer"},
                                     {"freeBytes", "integer"},
                                     {"reusableBytes", "integer"}});
  expect_members(answer.at("data.backup"), backup_details_members);
  expect_members(answer.at("data.database"), database_members);
  EXPECT_EQ(answer.word("data.database.id"), "db_" + target_.value);
  EXPECT_EQ(answer.header("operation-location"), "");
  EXPECT_EQ(get("/v1/databases/" + target_.value).word("data.status"), "ready");
  for (const OperationView& view : engine_->operations()) {
    EXPECT_NE(view.kind, OperationKind::restore);
  }
  expect_error(post(restore_path(target_) + "/validate", "{}"), 422, "invalid-source");
  expect_error(post(restore_path(DatabaseId("nobody")) + "/validate", body()), 404,
               "target-database-not-found");
}

TEST_F(RestoreSurfaceTest, UndoBringsTheOldContentBackAndOnlyWhileItIsKept) {
  const Members undo_members{{"type", "string"},        {"databaseId", "string"},
                             {"possible", "bool"},      {"until", "time|null"},
                             {"generation", "integer"}, {"previousGeneration", "integer|null"}};
  const HttpAnswer before = get(restore_path(target_) + "/undo");
  EXPECT_EQ(before.status, 200) << before.text;
  expect_members(before.at("data"), undo_members);
  EXPECT_EQ(before.at("data.possible"), false);
  EXPECT_TRUE(before.at("data.until").is_null());
  expect_error(post(restore_path(target_) + "/undo", ""), 409, "nothing-to-undo");
  ended_operation_of(post(restore_path(target_), body()));
  ASSERT_TRUE(value("key9"));
  const HttpAnswer possible = get(restore_path(target_) + "/undo");
  expect_members(possible.at("data"), undo_members);
  EXPECT_EQ(possible.at("data.possible"), true);
  EXPECT_TRUE(possible.at("data.until").is_string());
  EXPECT_TRUE(possible.at("data.previousGeneration").is_number());
  const HttpAnswer undo = post(restore_path(target_) + "/undo", "");
  EXPECT_EQ(undo.status, 200) << undo.text;
  expect_members(undo.at("data"), database_members);
  EXPECT_EQ(undo.word("data.status"), "recovering");
  const OperationView view = ended_operation_of(undo);
  EXPECT_EQ(view.kind, OperationKind::undo);
  EXPECT_EQ(view.state, OperationState::succeeded);
  EXPECT_FALSE(value("key9"));
  EXPECT_EQ(boost::json::serialize(get("/v1/databases/" + target_.value).at("data.source")),
            R"({"type":"empty"})");
  for (const char* id : {"nobody", "UPPER"}) {
    expect_error(post(restore_path(DatabaseId(id)) + "/undo", ""), 404,
                 "target-database-not-found");
  }
}

}  // namespace
}  // namespace restored::control
