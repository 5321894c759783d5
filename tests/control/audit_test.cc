// The audit, and what one token may ask in a second.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <vector>

#include "control_test.h"
#include "failing_registry.h"
#include "restore/open_engine.h"
#include "restored/limits.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

const Members entry_members{{"id", "string"},
                            {"type", "string"},
                            {"event", "string"},
                            {"at", "time"},
                            {"endedAt", "time|null"},
                            {"requestId", "string|null"},
                            {"principal", "string|null"},
                            {"tokenId", "string|null"},
                            {"peer", "string|null"},
                            {"method", "string|null"},
                            {"path", "string|null"},
                            {"databaseId", "string|null"},
                            {"sourceDatabaseId", "string|null"},
                            {"backupId", "string|null"},
                            {"operationId", "string|null"},
                            {"subjectId", "string|null"},
                            {"status", "integer|null"},
                            {"outcome", "string|null"},
                            {"reason", "string|null"},
                            {"errorCode", "string|null"},
                            {"replayed", "bool"},
                            {"unrecorded", "integer"}};

class AuditTest : public ControlTest {
 protected:
  boost::json::array entries(const std::string& query = "") {
    const HttpAnswer answer = get("/v1/audit" + query);
    EXPECT_EQ(answer.status, 200) << answer.text;
    return answer.at("data").as_array();
  }
  std::string word(const boost::json::value& entry, std::string_view member) {
    const auto& value = entry.at(member);
    return value.is_string() ? std::string(value.as_string()) : "";
  }
};

TEST_F(AuditTest, ARestoreIsOnRecordBeforeItIsAnswered) {
  const DatabaseId source = make_database("source");
  const DatabaseId target = make_database("target");
  const BackupId backup = make_backup(source);
  const HttpAnswer answer =
      call("POST", restore_path(target), restore_body(source, backup), {"X-Request-Id: my-id"});
  ASSERT_EQ(answer.status, 200) << answer.text;
  const OperationView operation = ended_operation_of(answer);
  stop();
  start();
  const auto all = entries();
  ASSERT_EQ(all.size(), 3u) << "what was read is not in it; the backup's end is";
  const auto& entry = all[1];
  expect_members(entry, entry_members);
  EXPECT_EQ(word(entry, "event"), "request");
  EXPECT_TRUE(entry.at("outcome").is_null());
  EXPECT_EQ(word(entry, "requestId"), "my-id");
  EXPECT_EQ(word(entry, "principal"), "token:admin");
  EXPECT_FALSE(word(entry, "tokenId").empty());
  EXPECT_TRUE(word(entry, "peer").starts_with(peer_begin())) << word(entry, "peer");
  EXPECT_EQ(word(entry, "method"), "POST");
  EXPECT_EQ(word(entry, "path"), restore_path(target));
  EXPECT_EQ(word(entry, "databaseId"), "db_" + target.value);
  EXPECT_EQ(word(entry, "sourceDatabaseId"), "db_" + source.value);
  EXPECT_EQ(word(entry, "backupId"), backup.value);
  EXPECT_EQ(word(entry, "operationId"), operation.id.value);
  EXPECT_EQ(entry.at("status"), 200);
  EXPECT_TRUE(entry.at("errorCode").is_null());

  const auto& end = all[0];
  expect_members(end, entry_members);
  EXPECT_EQ(word(end, "event"), "operation-end");
  EXPECT_EQ(word(end, "outcome"), "succeeded");
  EXPECT_EQ(word(end, "operationId"), operation.id.value);
  EXPECT_EQ(word(end, "databaseId"), "db_" + target.value);
  EXPECT_EQ(word(end, "principal"), "token:admin");
  EXPECT_TRUE(end.at("status").is_null());
  EXPECT_TRUE(end.at("method").is_null());
}

TEST_F(AuditTest, WhatFailsAndWhatIsMadeIsNamed) {
  const DatabaseId database = make_database("orders");
  post(restore_path(database), restore_body(database, BackupId("nothing")));
  const std::string made = post("/v1/databases", R"({"name":"other"})").word("data.id");
  const std::string token =
      post("/v1/tokens", R"({"name":"ci","scopes":["read"]})").word("data.id");
  const std::string connection =
      post("/v1/connections", R"({"databaseId":")" + made + R"(","name":"app"})").word("data.id");
  call("DELETE", "/v1/tokens/" + token);
  post("/v1/repository/collect", R"({"dryRun":true})");
  const auto all = entries();
  ASSERT_EQ(all.size(), 6u);
  const auto& failed = all[5];
  EXPECT_EQ(word(failed, "errorCode"), "backup-not-found");
  EXPECT_EQ(failed.at("status"), 404);
  EXPECT_EQ(word(failed, "backupId"), "nothing");
  EXPECT_EQ(word(all[4], "databaseId"), made);
  EXPECT_EQ(word(all[3], "subjectId"), token);
  EXPECT_EQ(word(all[2], "subjectId"), connection.substr(4));
  EXPECT_EQ(word(all[2], "databaseId"), made);
  EXPECT_EQ(word(all[1], "subjectId"), token);
  EXPECT_EQ(all[0].at("status"), 200) << "what takes long has its end, too";
}

TEST_F(AuditTest, IsReadByPageAndFilter) {
  const DatabaseId database = make_database("orders");
  for (int count = 0; count < 3; ++count) post("/v1/databases/nobody/backups");
  ended_operation_of(post("/v1/databases/" + database.value + "/backups"));
  const HttpAnswer first = get("/v1/audit?limit=3");
  ASSERT_EQ(first.at("data").as_array().size(), 3u);
  EXPECT_EQ(first.at("pagination.hasMore"), true);
  const auto rest = entries("?limit=3&cursor=" + first.word("pagination.nextCursor"));
  ASSERT_EQ(rest.size(), 2u);
  EXPECT_EQ(word(rest[1], "id"), "1");
  EXPECT_EQ(entries("?databaseId=db_" + database.value).size(), 2u) << "asked for, and ended";
  EXPECT_EQ(entries("?databaseId=unknown").size(), 0u);
  EXPECT_EQ(entries("?principal=token:admin").size(), 5u);
  EXPECT_EQ(entries("?principal=token:other").size(), 0u);
  EXPECT_EQ(entries("?since=2999-01-01T00:00:00Z").size(), 0u);
  EXPECT_EQ(entries("?since=2020-01-01T00:00:00Z").size(), 5u);
  expect_error(get("/v1/audit?since=yesterday"), 422, "invalid-request");
  expect_error(get("/v1/audit?cursor=x"), 422, "invalid-request");
  expect_error(get("/v1/audit?limit=0"), 422, "invalid-request");
  EXPECT_EQ(call("HEAD", "/v1/audit").status, 200);
  expect_error(call("GET", "/v1/audit", {}, {"Authorization: Bearer " + new_token(1)}), 403,
               "permission-missing");
}

TEST_F(AuditTest, WhatIsNoRequestIsOnRecordToo) {
  RawClient large(address());
  large.send("POST /v1/databases HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
  EXPECT_NE(large.read_until("413"), "");
  RawClient nonsense(address());
  nonsense.send("NO HTTP\r\n\r\n");
  EXPECT_NE(nonsense.read_until("400"), "");
  RawClient reading(address());
  reading.send("GET /v1/databases HTTP/1.1\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n");
  EXPECT_NE(reading.read_until("431"), "");
  const auto all = entries();
  ASSERT_EQ(all.size(), 2u) << "reading is never in it";
  EXPECT_EQ(all[1].at("status"), 413);
  EXPECT_EQ(word(all[1], "path"), "/v1/databases");
  EXPECT_EQ(all[0].at("status"), 400);
}

TEST_F(AuditTest, WhatIsRefusedAtTheDoorDoesNotFillIt) {
  const auto refuse = [this] {
    RawClient client(address());
    std::string requests;
    for (int count = 0; count < 20; ++count) {
      requests += "POST /v1/databases HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    }
    requests += "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    client.send(requests);
    client.read_until(R"({"status":"ok"})");
  };
  for (int round = 0; round < 4; ++round) refuse();
  const std::size_t count = entries().size();
  EXPECT_GE(count, limits::audit_refused_per_minute);
  EXPECT_LT(count, 80u) << "of 80";
  EXPECT_EQ(word(entries()[0], "errorCode"), "authentication-required");
  EXPECT_TRUE(entries()[0].at("principal").is_null());
  EXPECT_EQ(post("/v1/databases", R"({"name":"a"})").status, 201);
  EXPECT_EQ(word(entries()[0], "principal"), "token:admin") << "who is let in is on record";
  EXPECT_TRUE(test::wait_until([&] {
    refuse();
    return entries()[0].at("unrecorded").to_number<int>() > 0;
  })) << "those that are missing are counted";
}

class UnwritableAuditTest : public AuditTest {
 protected:
  Result<std::unique_ptr<Engine>> open(EngineOptions options) override {
    restore::EngineSeams seams;
    seams.wrap_registry = faults_.wrap();
    return restore::open_engine(std::move(options), seams);
  }
  test::RegistryFaults faults_;
};

TEST_F(UnwritableAuditTest, IsAnErrorThatSaysSo) {
  faults_.refuse_requests = true;
  const HttpAnswer refused = post("/v1/databases", R"({"name":"a"})");
  expect_error(refused, 500, "audit-not-written");
  EXPECT_NE(refused.text.find("nothing was done"), std::string::npos) << refused.text;
  const HttpAnswer keyed = call("POST", "/v1/databases", R"({"name":"b"})", {"Idempotency-Key: k"});
  expect_error(keyed, 500, "audit-not-written");
  EXPECT_NE(keyed.text.find("nothing was done"), std::string::npos) << keyed.text;
  EXPECT_EQ(engine_->databases().size(), 0u) << "what is not on record is not begun";
  EXPECT_EQ(get("/v1/databases").status, 200) << "reading goes on";
  expect_error(call("POST", "/v1/databases", "", {"Authorization: Bearer nobody"}), 401,
               "authentication-required");
  faults_.refuse_requests = false;
  EXPECT_EQ(call("POST", "/v1/databases", R"({"name":"b"})", {"Idempotency-Key: k"}).status, 201);
  EXPECT_EQ(entries().size(), 1u);
}

TEST_F(UnwritableAuditTest, AnEndThatIsMissingLeavesTheBeginning) {
  faults_.refuse_answers = true;
  const HttpAnswer answer = post("/v1/databases", R"({"name":"a"})");
  expect_error(answer, 500, "audit-not-written");
  EXPECT_NE(answer.text.find("would be 201"), std::string::npos) << answer.text;
  EXPECT_EQ(engine_->databases().size(), 1u);
  faults_.refuse_answers = false;
  const auto all = entries();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all[0].at("status").is_null());
  EXPECT_TRUE(all[0].at("endedAt").is_null());
  EXPECT_EQ(word(all[0], "path"), "/v1/databases");
}

// The same while it runs: it ends as cancelled, whatever the records say.
TEST_F(UnwritableAuditTest, ACancelIsInForceBeforeItIsOnRecord) {
  const DatabaseId database = make_database("orders");
  const BackupId backup = make_backup(database);
  const auto keyspace = engine_->keyspace(database);
  WritePermit permit = keyspace->try_begin_write();  // holds the swap up
  const OperationId id = engine_->start_restore({database, {}, backup, "test"}).value().id;
  faults_.refuse_requests = true;
  const HttpAnswer answer = call("DELETE", "/v1/operations/" + id.value);
  expect_error(answer, 500, "audit-not-written");
  permit.release();
  EXPECT_TRUE(
      test::wait_until([&] { return engine_->operation(id)->state == OperationState::cancelled; }));
}

// A restore that fills the disk can be stopped.
TEST_F(UnwritableAuditTest, ACancelGetsThrough) {
  const DatabaseId database = make_database("orders");
  const BackupId backup = make_backup(database);
  const OperationId ended = engine_->operations().front().id;
  faults_.refuse_requests = true;
  for (const std::string key : {"", "Idempotency-Key: k"}) {
    std::vector<std::string> headers;
    if (!key.empty()) headers.push_back(key);
    const HttpAnswer answer = call("DELETE", "/v1/operations/" + ended.value, {}, headers);
    expect_error(answer, 500, "audit-not-written");
    EXPECT_NE(answer.text.find("would be 409"), std::string::npos)
        << "it was asked for, and had ended: " << answer.text;
  }
}

class RequestRateTest : public AuditTest {
 protected:
  void configure(EngineOptions&, ControlOptions& control) override {
    control.requests_per_second = 3;
    control.clients_max = 2;
  }
  std::vector<HttpAnswer> ten_at_once(const std::string& request,
                                      const std::string& authorization) {
    RawClient client(address());
    std::string all;
    for (int count = 0; count < 10; ++count) {
      all += request + " HTTP/1.1\r\nHost: x\r\nAuthorization: " + authorization +
             (count == 9 ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n");
    }
    EXPECT_TRUE(client.send(all));
    std::string received = client.read_to_end().bytes;
    std::vector<HttpAnswer> answers;
    while (received.starts_with("HTTP/1.1 ")) answers.push_back(take_answer(received));
    return answers;
  }
};

TEST_F(RequestRateTest, WhoAsksTooOftenWaits) {
  const std::string other = new_token(7);
  const std::string mine = "Bearer " + admin_;
  std::vector<HttpAnswer> answers = ten_at_once("GET /v1/info", mine);
  ASSERT_EQ(answers.size(), 10u);
  for (int count = 0; count < 3; ++count)
    EXPECT_EQ(answers[static_cast<std::size_t>(count)].status, 200);
  expect_error(answers[9], 429, "rate-limited");
  EXPECT_GE(std::atoi(answers[9].header("retry-after").c_str()), 1);
  for (const HttpAnswer& answer : ten_at_once("DELETE /v1/operations/none", mine)) {
    EXPECT_EQ(answer.status, 404) << "a cancel gets through";
  }
  for (const HttpAnswer& answer : ten_at_once("GET /healthz", mine)) EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(ten_at_once("GET /v1/info", "Bearer " + other).at(0).status, 200)
      << "each token has its own";
  answers = ten_at_once("GET /v2/redis/databases", basic("ops@example.org", admin_));
  ASSERT_EQ(answers.size(), 10u);
  expect_second_error(answers[9], 429);
  EXPECT_TRUE(test::wait_until([&] { return get("/v1/info").status == 200; }));
}

TEST_F(RequestRateTest, ConnectionsHaveTheirConfiguredLimit) {
  RawClient first(address());
  RawClient second(address());
  first.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  second.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(first.read_until("ok"), "");
  EXPECT_NE(second.read_until("ok"), "");
  RawClient third(address());
  EXPECT_NE(third.read_to_end().bytes.find("503"), std::string::npos);
}

}  // namespace
}  // namespace restored::control
