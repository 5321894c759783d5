// The second public contract, body for body.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <thread>

#include "control_test.h"

namespace restored::control {
namespace {

const Members second_database_members{{"database_id", "string"},
                                      {"database_name", "string"},
                                      {"region", "string"},
                                      {"port", "integer"},
                                      {"creation_time", "integer"},
                                      {"state", "string"},
                                      {"endpoint", "string"},
                                      {"tls", "bool"},
                                      {"type", "string"},
                                      {"budget", "integer"},
                                      {"primary_region", "string"},
                                      {"primary_members", "array"},
                                      {"all_members", "array"},
                                      {"read_regions", "array"},
                                      {"eviction", "bool"},
                                      {"auto_upgrade", "bool"},
                                      {"consistent", "bool"},
                                      {"modifying_state", "string"},
                                      {"daily_backup_enabled", "bool"},
                                      {"customer_id", "string"},
                                      {"db_type", "string"},
                                      {"db_max_clients", "integer"},
                                      {"db_max_entry_size", "integer"},
                                      {"db_max_request_size", "integer"},
                                      {"db_max_commands_per_second", "integer"},
                                      {"db_daily_bandwidth_limit", "integer"},
                                      {"db_disk_threshold", "integer"},
                                      {"db_memory_threshold", "integer"},
                                      {"db_acl_enabled", "string"},
                                      {"prometheus_enabled", "string"}};

class SecondSurfaceTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    source_ = make_database("source", 10);
    target_ = make_database("target", 2);
    backup_ = make_backup(source_);
  }
  std::string restore() const { return "/v2/redis/restore-backup/" + target_.value; }
  std::string body() const { return R"({"backup_id":")" + backup_.value + R"(","more":[]})"; }
  HttpAnswer database(const DatabaseId& id) { return get("/v2/redis/database/" + id.value); }

  DatabaseId source_;
  DatabaseId target_;
  BackupId backup_;
};

TEST_F(SecondSurfaceTest, RestoreAnswersOkOnceItIsAccepted) {
  const auto keyspace = engine_->keyspace(target_);
  WritePermit permit = keyspace->try_begin_write();
  const HttpAnswer accepted = post(restore(), body());
  EXPECT_EQ(accepted.status, 200) << accepted.text;
  EXPECT_EQ(accepted.text, "\"OK\"");
  EXPECT_EQ(accepted.header("content-type"), "application/json");
  EXPECT_EQ(database(target_).word("modifying_state"), "restoring");
  const HttpAnswer busy = post(restore(), body());
  expect_second_error(busy, 503);
  EXPECT_GE(std::atoi(busy.header("retry-after").c_str()), 1);
  permit.release();
  EXPECT_EQ(ended_operation_of(accepted).state, OperationState::succeeded);
  EXPECT_EQ(database(target_).word("modifying_state"), "");
  EXPECT_TRUE(*engine_->keyspace(target_)->pin()->get("kkey9")) << "from another database's backup";
}

TEST_F(SecondSurfaceTest, PreferWaitHoldsTheAnswerUntilItIsDone) {
  const HttpAnswer done = call("POST", restore(), body(), {"Prefer: handling=strict, wait=60"});
  EXPECT_EQ(done.text, "\"OK\"");
  EXPECT_EQ(done.header("preference-applied"), "wait=60");
  EXPECT_EQ(database(target_).word("modifying_state"), "") << "it is done";
  EXPECT_EQ(ended_operation_of(done).state, OperationState::succeeded);

  const auto keyspace = engine_->keyspace(target_);
  WritePermit permit = keyspace->try_begin_write();
  const auto begin = std::chrono::steady_clock::now();
  const HttpAnswer accepted = call("POST", restore(), body(), {"Prefer: wait=1"});
  EXPECT_EQ(accepted.text, "\"OK\"") << "at most that long";
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(900));
  EXPECT_EQ(database(target_).word("modifying_state"), "restoring");
  permit.release();
  ended_operation_of(accepted);
}

TEST_F(SecondSurfaceTest, AMalformedPreferenceIsNone) {
  for (const char* prefer : {"Prefer: wait", "Prefer: wait=x", "Prefer: wait=-1", "Prefer: ,;,"}) {
    const HttpAnswer accepted = call("POST", restore(), body(), {prefer});
    EXPECT_EQ(accepted.text, "\"OK\"") << prefer;
    EXPECT_EQ(accepted.header("preference-applied"), "");
    ended_operation_of(accepted);
  }
}

TEST_F(SecondSurfaceTest, AFailedRestoreIsToldToWhoWaits) {
  const std::string path = directory_.file("repository/backups/" + backup_.value + "/frames");
  std::string bytes = test::read_whole_file(path);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  test::write_file(path, bytes);
  expect_second_error(call("POST", restore(), body(), {"Prefer: wait=60"}), 400);
  EXPECT_TRUE(*engine_->keyspace(target_)->pin()->get("kkey1")) << "the old data serves";
}

TEST_F(SecondSurfaceTest, RestoreErrorsAreThoseOfTheContract) {
  for (const char* text :
       {"", "x", "[]", "null", "\"x\"", "{", "{}", R"({"backup_id":5})", R"({"backup_id":1.5})",
        R"({"backup_id":null})", R"({"backup_id":true})", R"({"backup_id":[]})",
        R"({"backup_id":["x"]})", R"({"backup_id":{}})", R"({"Backup_id":"x"})"}) {
    expect_second_error(post(restore(), text), 400);
  }
  expect_second_error(post(restore(), R"({"backup_id":""})"), 404);
  expect_second_error(post(restore(), R"({"backup_id":"nothing"})"), 404);
  expect_second_error(post(restore(), R"({"backup_id":"../x"})"), 404);
  expect_second_error(post("/v2/redis/restore-backup/nobody", body()), 404);
  expect_second_error(call("POST", restore(), body(), {"Authorization:"}), 401);
  expect_second_error(call("GET", restore()), 405);
  const std::string path = directory_.file("repository/backups/" + backup_.value + "/manifest");
  test::write_file(path, "damaged");
  expect_second_error(post(restore(), body()), 400);
}

TEST_F(SecondSurfaceTest, AKeyThatIsRevokedOrMayOnlyReadRestoresNothing) {
  const auto made = engine_->create_token("revoked", 7);
  ASSERT_TRUE(made);
  const Headers revoked{"Authorization: " + basic("ops@example.org", made->secret)};
  EXPECT_EQ(call("GET", "/v2/redis/databases", std::nullopt, revoked).status, 200);
  ASSERT_TRUE(engine_->revoke_token(made->info.id));
  expect_second_error(call("GET", "/v2/redis/databases", std::nullopt, revoked), 401);
  expect_second_error(call("POST", restore(), body(), revoked), 401);
  const Headers reading{"Authorization: " + basic("ops@example.org", new_token(1))};
  EXPECT_EQ(call("GET", "/v2/redis/databases", std::nullopt, reading).status, 200);
  expect_second_error(call("POST", restore(), body(), reading), 403);
  expect_second_error(
      call("POST", "/v2/redis/create-backup/" + source_.value, R"({"name":"x"})", reading), 403);
  for (const OperationView& view : engine_->operations()) {
    EXPECT_EQ(view.kind, OperationKind::backup);
  }
}

TEST_F(SecondSurfaceTest, BackupsAreMadeListedAndDeleted) {
  const HttpAnswer made = post("/v2/redis/create-backup/" + source_.value, R"({"name":"by hand"})");
  EXPECT_EQ(made.status, 200) << made.text;
  EXPECT_EQ(made.text, "\"OK\"");
  const OperationView view = ended_operation_of(made);
  const HttpAnswer list = get("/v2/redis/list-backup/" + source_.value);
  ASSERT_TRUE(list.body.is_array()) << list.text;
  ASSERT_EQ(list.body.as_array().size(), 2u);
  expect_members(list.at("0"), {{"database_id", "string"},
                                {"customer_id", "string"},
                                {"name", "string"},
                                {"backup_id", "string"},
                                {"creation_time", "integer"},
                                {"state", "string"},
                                {"backup_size", "integer"},
                                {"daily_backup", "string"},
                                {"hourly_backup", "string"},
                                {"internal_backup_tag", "string"}});
  EXPECT_EQ(list.word("0.backup_id"), view.backup.value) << "newest first";
  EXPECT_EQ(list.word("0.database_id"), source_.value);
  EXPECT_EQ(list.word("0.name"), "by hand");
  EXPECT_EQ(list.word("0.state"), "completed");
  EXPECT_EQ(list.word("0.daily_backup"), "false");
  EXPECT_GT(list.at("0.creation_time").as_int64(), 1'600'000'000);
  EXPECT_LT(list.at("0.creation_time").as_int64(), 100'000'000'000) << "seconds";

  const std::string path = "/v2/redis/delete-backup/" + source_.value + "/" + view.backup.value;
  expect_second_error(
      call("DELETE", "/v2/redis/delete-backup/" + target_.value + "/" + view.backup.value), 404);
  const HttpAnswer deleted = call("DELETE", path);
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.text, "\"OK\"");
  expect_second_error(call("DELETE", path), 404);
  expect_second_error(post("/v2/redis/create-backup/" + source_.value, "{}"), 400);
  expect_second_error(post("/v2/redis/create-backup/nobody", R"({"name":"x"})"), 404);
  expect_second_error(get("/v2/redis/list-backup/nobody"), 404);
}

TEST_F(SecondSurfaceTest, DatabasesAreMadeShownAndDeleted) {
  const HttpAnswer made = post("/v2/redis/database", R"({"database_name":"cache",
      "platform":"aws","primary_region":"eu-west-1","read_regions":[],"tls":true})");
  ASSERT_EQ(made.status, 200) << made.text;
  Members with_password = second_database_members;
  with_password.emplace_back("password", "string");
  expect_members(made.body, with_password);
  const DatabaseId id(made.word("database_id"));
  EXPECT_EQ(made.word("database_name"), "cache");
  EXPECT_EQ(made.word("primary_region"), "eu-west-1");
  EXPECT_EQ(made.word("region"), "global");
  EXPECT_EQ(made.word("state"), "active");
  EXPECT_EQ(made.word("endpoint"), "127.0.0.1");
  EXPECT_EQ(made.at("port").as_int64(), 6399);
  EXPECT_EQ(engine_->authenticate("default", made.word("password"))->database, id);

  for (const char* query : {"", "?credentials=hide"}) {
    const HttpAnswer read = get("/v2/redis/database/" + id.value + query);
    expect_members(read.body, second_database_members);
    EXPECT_EQ(read.word("database_name"), "cache");
  }
  const HttpAnswer list = get("/v2/redis/databases");
  ASSERT_TRUE(list.body.is_array());
  EXPECT_EQ(list.body.as_array().size(), 3u);
  for (const auto& item : list.body.as_array()) expect_members(item, second_database_members);
  EXPECT_EQ(get("/v1/databases/db_" + id.value).status, 200) << "both surfaces see the same";

  const HttpAnswer renamed = post("/v2/redis/rename/" + id.value, R"({"name":"renamed"})");
  expect_members(renamed.body, second_database_members);
  EXPECT_EQ(renamed.word("database_name"), "renamed");
  expect_second_error(post("/v2/redis/rename/" + id.value, "{}"), 400);

  EXPECT_EQ(call("DELETE", "/v2/redis/database/" + id.value).text, "\"OK\"");
  expect_second_error(database(id), 404);
  expect_second_error(call("DELETE", "/v2/redis/database/" + id.value), 404);
}

TEST_F(SecondSurfaceTest, CreateNeedsNothingButAName) {
  EXPECT_EQ(post("/v2/redis/database", R"({"database_name":"x","region":"global"})").status, 200)
      << "as that vendor's own command line sends it";
  for (const char* text : {"", "{}", R"({"database_name":""})", R"({"database_name":1})",
                           R"({"database_name":"x","primary_region":1})"}) {
    expect_second_error(post("/v2/redis/database", text), 400);
  }
}

}  // namespace
}  // namespace restored::control
