// Rows of both contracts beside restores, backups and connections: who asks, what was used, the
// identity that a database's owner gives it, a new password.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/clock.h"
#include "control_test.h"

namespace restored::control {
namespace {

constexpr UnixMillis day_millis = 24ll * 3600 * 1000;

class ContractRoutesTest : public ControlTest {
 protected:
  HttpAnswer make(const std::string& members) { return post("/v1/databases", "{" + members + "}"); }
  HttpAnswer patch(const std::string& id, const std::string& body) {
    return call("PATCH", "/v1/databases/" + id, body);
  }
  std::size_t listed(const std::string& query) {
    return get("/v1/databases?" + query).at("data").as_array().size();
  }
  HttpAnswer usage(const DatabaseId& id, const std::string& query = {}) {
    return get("/v1/databases/" + id.value + "/usage" + query);
  }
  static double operations(const HttpAnswer& answer) {
    return answer.at("metrics.operations.used").to_number<double>();
  }
};

TEST_F(ContractRoutesTest, MeIsTheTokenAndNobodyElse) {
  const HttpAnswer me = get("/v1/me");
  ASSERT_EQ(me.status, 200) << me.text;
  expect_members(me.body, {{"data", "object"}});
  expect_members(me.at("data"),
                 {{"user", "null"}, {"workspace", "null"}, {"credential", "object"}});
  expect_members(me.at("data.credential"),
                 {{"type", "string"}, {"id", "string"}, {"name", "string"}});
  EXPECT_EQ(me.word("data.credential.type"), "service_token");
  EXPECT_EQ(me.word("data.credential.name"), "admin");
  const auto made = engine_->create_token("reader", static_cast<Scopes>(Scope::read));
  ASSERT_TRUE(made);
  const HttpAnswer reader =
      call("GET", "/v1/me", std::nullopt, {"Authorization: Bearer " + made->secret});
  EXPECT_EQ(reader.word("data.credential.id"), made->info.id.value);
  EXPECT_EQ(reader.word("data.credential.name"), "reader");
  expect_error(call("GET", "/v1/me", std::nullopt, {"Authorization: Bearer x"}), 401,
               "authentication-required");
}

TEST_F(ContractRoutesTest, UsageIsBareAndCountsTheCommandsOfThePeriod) {
  const DatabaseId id = make_database("used");
  engine_->count_commands(id, 40);
  engine_->count_commands(id, 2);
  const UnixMillis before = system_clock().wall();
  const HttpAnswer answer = usage(id);
  ASSERT_EQ(answer.status, 200) << answer.text;
  expect_members(answer.body,
                 {{"period", "object"}, {"metrics", "object"}, {"generatedAt", "time"}});
  expect_members(answer.at("period"), {{"start", "time"}, {"end", "time"}});
  expect_members(answer.at("metrics"), {{"operations", "object"}, {"storage", "object"}});
  expect_members(answer.at("metrics.operations"), {{"used", "integer"}, {"unit", "string"}});
  EXPECT_EQ(operations(answer), 42);
  EXPECT_EQ(answer.word("metrics.operations.unit"), "ops");
  EXPECT_EQ(answer.word("metrics.storage.unit"), "GiB");
  const auto info = engine_->database(id);
  EXPECT_NEAR(answer.at("metrics.storage.used").to_number<double>(),
              static_cast<double>(info->live_bytes) / static_cast<double>(kGiB), 0.01);
  // The month so far.
  const std::string start = answer.word("period.start");
  EXPECT_EQ(start, iso8601(before).substr(0, 8) + "01T00:00:00.000Z");
  const auto end = from_iso8601(answer.word("period.end"));
  ASSERT_TRUE(end);
  EXPECT_GE(*end, before);
  EXPECT_EQ(answer.word("period.end"), answer.word("generatedAt"));
}

TEST_F(ContractRoutesTest, APeriodIsTakenAsItIsAskedForButForTheFuture) {
  const DatabaseId id = make_database("used");
  engine_->count_commands(id, 7);
  const UnixMillis now = system_clock().wall();
  const std::string today = iso8601(now).substr(0, 10);
  const HttpAnswer future =
      usage(id, "?startDate=" + today + "T00:00:00Z&endDate=2999-01-01T00:00:00Z");
  EXPECT_EQ(future.word("period.start"), today + "T00:00:00.000Z");
  EXPECT_EQ(future.word("period.end"), today + "T23:59:59.999Z");
  EXPECT_EQ(operations(future), 7);
  const std::string yesterday = iso8601(now - day_millis).substr(0, 10);
  const HttpAnswer past =
      usage(id, "?startDate=2020-01-01T00:00:00Z&endDate=" + yesterday + "T12:00:00.5Z");
  EXPECT_EQ(past.word("period.end"), yesterday + "T12:00:00.500Z");
  EXPECT_EQ(operations(past), 0);
  for (const char* query : {"?startDate=yesterday", "?endDate=2026-11-22", "?startDate=",
                            "?startDate=2026-02-01T00:00:00Z&endDate=2026-01-01T00:00:00Z",
                            "?startDate=2999-02-01T00:00:00Z"}) {
    expect_error(usage(id, query), 400, "invalid-request");
  }
  expect_error(get("/v1/databases/nobody/usage"), 404, "resource-not-found");
  EXPECT_EQ(get("/v1/databases/db_" + id.value + "/usage").status, 200);
}

TEST_F(ContractRoutesTest, UsageOutlivesAStop) {
  const DatabaseId id = make_database("used");
  engine_->count_commands(id, 12);
  engine_->count_commands(DatabaseId("nobody"), 12);
  stop();
  start();
  EXPECT_EQ(operations(usage(id)), 12);
}

TEST_F(ContractRoutesTest, ALogicalIdIsGivenShownAndFound) {
  const HttpAnswer made = make(R"("name":"a","logicalId":"orders")");
  ASSERT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.word("data.logicalId"), "orders");
  const std::string id = made.word("data.id");
  EXPECT_EQ(get("/v1/databases/" + id).word("data.logicalId"), "orders");
  const HttpAnswer without = make(R"("name":"b")");
  EXPECT_TRUE(without.at("data.logicalId").is_null());
  EXPECT_EQ(listed("logicalId=orders"), 1u);
  EXPECT_EQ(listed("logicalId=orders&branchId=unassigned"), 1u);
  EXPECT_EQ(listed("logicalId=orders&projectId=proj_other"), 0u);
  EXPECT_EQ(listed("logicalId=other"), 0u);
  EXPECT_EQ(listed("logicalId="), 0u);
  const HttpAnswer given = patch(without.word("data.id"), R"({"logicalId":"more","name":"c"})");
  EXPECT_EQ(given.status, 200) << given.text;
  EXPECT_EQ(given.word("data.logicalId"), "more");
  EXPECT_EQ(given.word("data.name"), "c");
  EXPECT_EQ(patch(id, R"({"name":"d"})").word("data.logicalId"), "orders") << "stays";
  stop();
  start();
  EXPECT_EQ(listed("logicalId=more"), 1u);
}

TEST_F(ContractRoutesTest, ALogicalIdIsTakenOnceInAProject) {
  const std::string first = make(R"("name":"a","logicalId":"orders")").word("data.id");
  const std::size_t before = engine_->databases().size();
  expect_error(make(R"("name":"b","logicalId":"orders")"), 409, "logical-id-taken");
  EXPECT_EQ(engine_->databases().size(), before);
  EXPECT_EQ(make(R"("name":"b","logicalId":"orders","projectId":"proj_other")").status, 201);
  const std::string second = make(R"("name":"c")").word("data.id");
  expect_error(patch(second, R"({"logicalId":"orders","name":"changed"})"), 409,
               "logical-id-taken");
  EXPECT_EQ(get("/v1/databases/" + second).word("data.name"), "c") << "all or nothing";
  EXPECT_EQ(patch(first, R"({"logicalId":"orders"})").status, 200) << "its own";
  EXPECT_EQ(call("DELETE", "/v1/databases/" + first).status, 204);
  EXPECT_EQ(patch(second, R"({"logicalId":"orders"})").status, 200) << "free again";
}

TEST_F(ContractRoutesTest, ARepeatedCreateFindsItsOwnLogicalId) {
  const std::string body = R"({"name":"a","logicalId":"orders"})";
  const Headers key{"Idempotency-Key: k1"};
  const HttpAnswer first = call("POST", "/v1/databases", body, key);
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(call("POST", "/v1/databases", body, key).word("data.id"), first.word("data.id"));
}

TEST_F(ContractRoutesTest, BranchesCannotBeNamed) {
  for (const char* members :
       {R"("branchId":null)", R"("branchGitName":null)", R"("logicalId":null)", R"("branchId":7)",
        R"("branchId":"br_x","branchGitName":"main")", R"("logicalId":"a","branchGitName":"main")",
        R"("logicalId":"")", R"("logicalId":5)"}) {
    expect_error(make(members), 400, "invalid-request");
  }
  expect_error(make(R"("logicalId":")" + std::string(129, 'x') + "\""), 400, "invalid-request");
  expect_error(make(R"("branchId":"br_x")"), 404, "resource-not-found");
  expect_error(make(R"("branchGitName":"main")"), 404, "resource-not-found");
  EXPECT_TRUE(engine_->databases().empty());
  const DatabaseId id = make_database("a");
  expect_error(patch(id.value, R"({"branchId":null})"), 422, "invalid-request");
  expect_error(patch(id.value, R"({"branchId":"br_x","name":"b"})"), 404, "resource-not-found");
  EXPECT_EQ(engine_->database(id)->name, "a");
  // The older path has none of these members.
  EXPECT_EQ(post("/v1/projects/p/databases", R"({"branchId":null,"logicalId":null})").status, 201);
}

TEST_F(ContractRoutesTest, APasswordIsReset) {
  const HttpAnswer made = post("/v2/redis/database", R"({"database_name":"orders"})");
  const std::string id = made.word("database_id");
  const std::string old = made.word("password");
  const HttpAnswer reset = call("POST", "/v2/redis/reset-password/" + id);
  ASSERT_EQ(reset.status, 200) << reset.text;
  EXPECT_EQ(reset.word("database_id"), id);
  EXPECT_EQ(reset.word("database_name"), "orders");
  const std::string fresh = reset.word("password");
  EXPECT_NE(fresh, old);
  EXPECT_FALSE(engine_->authenticate("", old));
  const auto credential = engine_->authenticate("default", fresh);
  ASSERT_TRUE(credential);
  EXPECT_EQ(credential->database.value, id);
  for (const char* query : {"", "?credentials=hide"}) {
    const HttpAnswer shown = get("/v2/redis/database/" + id + query);
    EXPECT_EQ(shown.status, 200);
    EXPECT_TRUE(shown.at("password").is_null()) << "shown once";
  }
  const Headers key{"Idempotency-Key: again"};
  const std::string path = "/v2/redis/reset-password/" + id;
  const std::string once = call("POST", path, std::nullopt, key).word("password");
  EXPECT_EQ(call("POST", path, std::nullopt, key).word("password"), once);
  EXPECT_TRUE(engine_->authenticate("", once));
  expect_second_error(call("POST", "/v2/redis/reset-password/nobody"), 404);
  const DatabaseInfo info = *engine_->database(DatabaseId(id));
  ASSERT_TRUE(engine_->remove_connection(info.connections.front().id));
  expect_second_error(call("POST", path), 404);
}

TEST_F(ContractRoutesTest, StatsAreThoseThatAreMeasured) {
  const DatabaseId id = make_database("used");
  engine_->count_commands(id, 9);
  const HttpAnswer stats = get("/v2/redis/stats/" + id.value);
  ASSERT_EQ(stats.status, 200) << stats.text;
  expect_members(stats.body, {{"daily_net_commands", "integer"},
                              {"dailyrequests", "array"},
                              {"days", "array"},
                              {"total_monthly_requests", "integer"},
                              {"diskusage", "array"},
                              {"current_storage", "integer"}});
  EXPECT_EQ(stats.at("daily_net_commands").to_number<int>(), 9);
  EXPECT_EQ(stats.at("total_monthly_requests").to_number<int>(), 9);
  ASSERT_EQ(stats.at("dailyrequests").as_array().size(), 5u);
  ASSERT_EQ(stats.at("days").as_array().size(), 5u);
  EXPECT_EQ(stats.at("dailyrequests.4.y").to_number<int>(), 9);
  EXPECT_EQ(stats.at("dailyrequests.3.y").to_number<int>(), 0);
  EXPECT_EQ(stats.word("dailyrequests.4.x"),
            iso8601(system_clock().wall()).substr(0, 10) + " 00:00:00 +0000 UTC");
  EXPECT_EQ(stats.at("diskusage.0.y").to_number<std::uint64_t>(),
            stats.at("current_storage").to_number<std::uint64_t>());
  expect_second_error(get("/v2/redis/stats/nobody"), 404);
}

}  // namespace
}  // namespace restored::control
