#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "control_test.h"

namespace restored::control {
namespace {

class DatabaseSurfaceTest : public ControlTest {
 protected:
  static boost::json::object without(const boost::json::value& value,
                                     std::initializer_list<std::string_view> members) {
    boost::json::object object = value.as_object();
    for (const std::string_view member : members) object.erase(member);
    return object;
  }
};

TEST_F(DatabaseSurfaceTest, CreateAnswersTheWholeDatabaseAndItsStringOnce) {
  const HttpAnswer made = post("/v1/databases", R"({"projectId":"proj_shop","name":"orders",
      "region":"eu-central-1","source":{"type":"empty"},"unknown":{"ignored":[1]}})");
  ASSERT_EQ(made.status, 201) << made.text;
  expect_members(made.at("data"), database_members);
  const std::string id = made.word("data.id");
  EXPECT_TRUE(id.starts_with("db_"));
  EXPECT_EQ(id.size(), 27u);
  EXPECT_EQ(made.word("data.type"), "database");
  EXPECT_EQ(made.word("data.url"), "http://localhost/v1/databases/" + id);
  EXPECT_EQ(made.word("data.name"), "orders");
  EXPECT_EQ(made.word("data.status"), "ready");
  EXPECT_EQ(made.at("data.isDefault"), false);
  EXPECT_EQ(boost::json::serialize(made.at("data.source")), R"({"type":"empty"})");
  EXPECT_EQ(boost::json::serialize(made.at("data.project")),
            R"({"id":"proj_shop","url":"http://localhost/v1/projects/proj_shop","name":"shop"})");
  EXPECT_EQ(boost::json::serialize(made.at("data.region")),
            R"x({"id":"eu-central-1","name":"EU Central (Frankfurt)"})x");

  ASSERT_EQ(made.at("data.connections").as_array().size(), 1u);
  expect_members(made.at("data.connections.0"), connection_members);
  EXPECT_EQ(made.word("data.connections.0.id"), made.word("data.defaultConnectionId"));
  expect_members(made.at("data.connections.0.endpoints"), {{"direct", "object"}});
  expect_members(made.at("data.connections.0.endpoints.direct"),
                 {{"host", "string"}, {"port", "integer"}, {"connectionString", "string"}});
  expect_members(made.at("data.connections.0.database"),
                 {{"id", "string"}, {"url", "string"}, {"name", "string"}});

  const HttpAnswer read = get("/v1/databases/" + id);
  EXPECT_EQ(read.status, 200);
  expect_members(read.at("data"), database_members);
  expect_members(read.at("data.connections.0.endpoints.direct"),
                 {{"host", "string"}, {"port", "integer"}});
  EXPECT_EQ(without(read.at("data"), {"connections"}), without(made.at("data"), {"connections"}));
}

TEST_F(DatabaseSurfaceTest, TheStringOpensTheDataPlane) {
  const HttpAnswer made = post("/v1/databases", R"({"name":"opened"})");
  const std::string text = made.word("data.connections.0.endpoints.direct.connectionString");
  ASSERT_TRUE(text.starts_with("redis://con_")) << text;
  ASSERT_TRUE(text.ends_with("@127.0.0.1:6399")) << text;
  const std::string user = text.substr(8, text.find(':', 8) - 8);
  const std::string password = text.substr(9 + user.size(), text.find('@') - 9 - user.size());
  EXPECT_EQ(user, made.word("data.defaultConnectionId"));
  const auto credential = engine_->authenticate(user, password);
  ASSERT_TRUE(credential);
  EXPECT_EQ("db_" + credential->database.value, made.word("data.id"));
}

TEST_F(DatabaseSurfaceTest, EveryMemberButTheBodyIsOptional) {
  const HttpAnswer made = post("/v1/databases", "{}");
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_FALSE(made.word("data.name").empty());
  EXPECT_EQ(made.word("data.region.id"), "us-east-1");
  EXPECT_EQ(post("/v1/databases", R"({"region":"inherit","name":null,"source":null})")
                .word("data.region.id"),
            "us-east-1");
}

TEST_F(DatabaseSurfaceTest, InvalidCreatesAre400AndMakeNothing) {
  for (const char* body :
       {"", "x", "[]", R"({"name":""})", R"({"name":5})", R"({"region":"mars"})",
        R"({"isDefault":"yes"})", R"({"projectId":7})", "{\"name\":\"a\\u0000b\"}"}) {
    expect_error(post("/v1/databases", body), 400, "invalid-request");
  }
  expect_error(post("/v1/databases", R"({"projectId":"a/b"})"), 404, "resource-not-found");
  expect_error(post("/v1/databases", R"({"source":{"type":"database","databaseId":"x"}})"), 404,
               "source-database-not-found");
  expect_error(post("/v1/databases", R"({"source":{"type":"database","databaseId":"UPPER/"}})"),
               404, "source-database-not-found");
  expect_error(
      post("/v1/databases", R"({"source":{"type":"backup","databaseId":"x","backupId":"y"}})"), 404,
      "source-database-not-found");
  const std::string source = make_database("source", 0).value;
  expect_error(post("/v1/databases", R"({"source":{"type":"backup","databaseId":")" + source +
                                         R"(","backupId":"y"}})"),
               404, "backup-not-found");
  EXPECT_EQ(engine_->databases().size(), 1u);
}

TEST_F(DatabaseSurfaceTest, TheOlderPathAddsItsOwnMembers) {
  const HttpAnswer made = post("/v1/projects/proj_shop/databases", R"({"name":"old"})");
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(made.word("data.project.id"), "proj_shop");
  EXPECT_TRUE(made.word("data.connectionString").starts_with("redis://"));
  EXPECT_TRUE(made.at("data.apiKeys").is_array());
  expect_members(made.at("data.directConnection"),
                 {{"host", "string"}, {"user", "string"}, {"pass", "string"}});
  EXPECT_EQ(post("/v1/projects/shop/databases", "").status, 201) << "without a body too";
  EXPECT_EQ(get("/v1/projects/shop/databases").at("data").as_array().size(), 2u);
  expect_error(get("/v1/projects/other/databases"), 404, "resource-not-found");
}

TEST_F(DatabaseSurfaceTest, ADatabaseIsMadeFromABackup) {
  const DatabaseId source = make_database("source");
  const BackupId backup = make_backup(source);
  const std::string from = R"("source":{"type":"backup","databaseId":")" + source.value +
                           R"(","backupId":")" + backup.value + "\"}";
  const HttpAnswer made = post("/v1/databases", R"({"name":"copy",)" + from + "}");
  ASSERT_EQ(made.status, 201) << made.text;
  expect_members(made.at("data"), database_members);
  EXPECT_NE(made.word("data.status"), "ready");
  EXPECT_EQ(made.word("data.source.backupId"), backup.value);
  EXPECT_EQ(ended_operation_of(made).state, OperationState::succeeded);
  const HttpAnswer after = get("/v1/databases/" + made.word("data.id"));
  EXPECT_EQ(after.word("data.status"), "ready");
  EXPECT_EQ(boost::json::serialize(after.at("data.source")),
            R"({"type":"backup","databaseId":"db_)" + source.value + R"(","backupId":")" +
                backup.value + "\"}");

  const HttpAnswer older =
      post("/v1/projects/p/databases", R"({"fromDatabase":{"id":")" + source.value +
                                           R"(","backupId":")" + backup.value + "\"}}");
  EXPECT_EQ(older.status, 201) << older.text;
  EXPECT_EQ(older.word("data.status"), "provisioning");
  EXPECT_EQ(ended_operation_of(older).state, OperationState::succeeded);
  expect_error(post("/v1/projects/p/databases", R"({"fromDatabase":{"id":"x"}})"), 404,
               "source-database-not-found");
  expect_error(post("/v1/projects/p/databases", R"({"fromDatabase":{"backupId":null}})"), 400,
               "invalid-request");
}

TEST_F(DatabaseSurfaceTest, ADatabaseIsAClone) {
  const DatabaseId source = make_database("source", 30);
  const auto hash = [&](const std::string& id) {
    return get("/v1/databases/" + id + "/content").word("data.hash");
  };
  const std::string from = R"({"type":"database","databaseId":"db_)" + source.value + "\"}";
  const HttpAnswer made = post("/v1/databases", R"({"name":"clone","source":)" + from + "}");
  ASSERT_EQ(made.status, 201) << made.text;
  expect_members(made.at("data"), database_members);
  EXPECT_EQ(made.word("data.status"), "provisioning");
  EXPECT_EQ(boost::json::serialize(made.at("data.source")), from);
  const OperationView ended = ended_operation_of(made);
  EXPECT_EQ(ended.state, OperationState::succeeded);
  const HttpAnswer operation = get("/v1/operations/" + ended.id.value);
  expect_members(operation.at("data"), operation_members);
  EXPECT_EQ(operation.word("data.sourceDatabaseId"), "db_" + source.value);
  EXPECT_TRUE(operation.at("data.backupId").is_null());
  const std::string id = made.word("data.id");
  const HttpAnswer after = get("/v1/databases/" + id);
  EXPECT_EQ(after.word("data.status"), "ready");
  EXPECT_EQ(boost::json::serialize(after.at("data.source")), from);
  EXPECT_EQ(hash(id), hash(source.value));
  EXPECT_EQ(get("/v2/redis/database/" + id.substr(3)).status, 200);

  const HttpAnswer older =
      post("/v1/projects/p/databases", R"({"fromDatabase":{"id":")" + source.value + "\"}}");
  EXPECT_EQ(older.status, 201) << older.text;
  EXPECT_EQ(older.word("data.status"), "provisioning");
  EXPECT_EQ(older.word("data.source.type"), "database");
  EXPECT_EQ(ended_operation_of(older).state, OperationState::succeeded);
  EXPECT_EQ(hash(older.word("data.id")), hash(source.value));
  const HttpAnswer sibling =
      post("/v1/projects/p/databases", R"({"source":)" + from + R"(,"fromDatabase":null})");
  EXPECT_EQ(sibling.word("data.source.type"), "database") << sibling.text;
  EXPECT_EQ(ended_operation_of(sibling).state, OperationState::succeeded);
}

TEST_F(DatabaseSurfaceTest, ACloneThatIsAskedForAgainIsTheSameOne) {
  const DatabaseId source = make_database("source");
  const std::string body = R"({"source":{"type":"database","databaseId":")" + source.value + "\"}}";
  const HttpAnswer first = call("POST", "/v1/databases", body, {"Idempotency-Key: clone"});
  ASSERT_EQ(first.status, 201) << first.text;
  ended_operation_of(first);
  const HttpAnswer again = call("POST", "/v1/databases", body, {"Idempotency-Key: clone"});
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(engine_->databases().size(), 2u);
}

TEST_F(DatabaseSurfaceTest, TheListHasPages) {
  std::set<std::string> made;
  for (int index = 0; index < 5; ++index) {
    made.insert("db_" + make_database("n" + std::to_string(index), 0).value);
  }
  std::set<std::string> seen;
  std::string cursor;
  for (int page = 0; page < 3; ++page) {
    const HttpAnswer list = get("/v1/databases?limit=2&cursor=" + cursor);
    ASSERT_EQ(list.status, 200) << list.text;
    expect_members(list.body, {{"data", "array"}, {"pagination", "object"}});
    expect_members(list.at("pagination"), {{"nextCursor", "string|null"}, {"hasMore", "bool"}});
    for (const auto& item : list.at("data").as_array()) {
      expect_members(item, database_members);
      seen.insert(item.at("id").as_string().c_str());
    }
    EXPECT_EQ(list.at("pagination.hasMore"), page < 2);
    EXPECT_EQ(list.at("pagination.nextCursor").is_string(), page < 2);
    cursor = list.word("pagination.nextCursor");
  }
  EXPECT_EQ(seen, made);
  for (const char* query :
       {"limit=0", "limit=1001", "limit=x", "limit=-1", "limit=2.5", "limit=", "cursor=nonsense"}) {
    expect_error(get("/v1/databases?" + std::string(query)), 422, "invalid-request");
  }
}

TEST_F(DatabaseSurfaceTest, TheListFilters) {
  post("/v1/databases", R"({"projectId":"proj_a"})");
  post("/v1/databases", R"({"projectId":"b"})");
  const auto count = [&](const std::string& query) {
    return get("/v1/databases?" + query).at("data").as_array().size();
  };
  EXPECT_EQ(count(""), 2u);
  EXPECT_EQ(count("projectId=a"), 1u);
  EXPECT_EQ(count("projectId=proj_b"), 1u);
  EXPECT_EQ(count("projectId=c"), 0u);
  EXPECT_EQ(count("branchId=unassigned"), 2u);
  EXPECT_EQ(count("branchId=br_x"), 0u);
  EXPECT_EQ(count("logicalId=x"), 0u);
}

TEST_F(DatabaseSurfaceTest, TheIdsPrefixIsOptionalEverywhere) {
  const DatabaseId id = make_database("prefixed");
  for (const std::string& text : {id.value, "db_" + id.value}) {
    EXPECT_EQ(get("/v1/databases/" + text).word("data.id"), "db_" + id.value);
    EXPECT_EQ(get("/v1/databases/" + text + "/connections").status, 200);
    EXPECT_EQ(get("/v1/databases/" + text + "/backups").status, 200);
    EXPECT_EQ(get("/v1/connections?databaseId=" + text).at("data").as_array().size(), 1u);
  }
}

TEST_F(DatabaseSurfaceTest, UnknownIdsOfEveryKindAre404) {
  for (const std::string id :
       {"nobody", "db_nobody", "UPPER", "..", "%2e%2e", "%00", "a%2Fb", "c123456789%20"}) {
    const HttpAnswer answer = get("/v1/databases/" + id);
    EXPECT_EQ(answer.status, 404) << id << answer.text;
  }
  expect_error(get("/v1/databases/nobody"), 404, "resource-not-found");
  expect_error(call("DELETE", "/v1/databases/nobody"), 404, "resource-not-found");
  expect_error(call("PATCH", "/v1/databases/nobody", R"({"name":"x"})"), 404, "resource-not-found");
}

TEST_F(DatabaseSurfaceTest, RenamingIsSeenEverywhereAndStays) {
  const DatabaseId id = make_database("before");
  const std::string path = "/v1/databases/" + id.value;
  const HttpAnswer renamed = call("PATCH", path, R"({"name":"after","unknown":"x"})");
  EXPECT_EQ(renamed.status, 200) << renamed.text;
  expect_members(renamed.at("data"), database_members);
  EXPECT_EQ(renamed.word("data.name"), "after");
  EXPECT_EQ(renamed.word("data.connections.0.database.name"), "after");
  EXPECT_EQ(call("PATCH", path, "{}").word("data.name"), "after") << "nothing to change";
  expect_error(call("PATCH", path, R"({"name":""})"), 422, "invalid-request");
  expect_error(call("PATCH", path, R"({"name":[]})"), 422, "invalid-request");
  expect_error(call("PATCH", path, "x"), 400, "invalid-request");
  stop();
  start();
  EXPECT_EQ(get(path).word("data.name"), "after");
}

TEST_F(DatabaseSurfaceTest, DeletingTakesItsConnectionsAndSparesTheDefault) {
  const DatabaseId id = make_database("gone");
  const std::string connection = engine_->connections(id)->front().id.value;
  const HttpAnswer deleted = call("DELETE", "/v1/databases/" + id.value);
  EXPECT_EQ(deleted.status, 204);
  EXPECT_EQ(deleted.text, "");
  EXPECT_EQ(deleted.header("content-length"), "");
  expect_error(get("/v1/databases/" + id.value), 404, "resource-not-found");
  expect_error(get("/v1/connections/" + connection), 404, "resource-not-found");

  const HttpAnswer kept = post("/v1/databases", R"({"isDefault":true})");
  EXPECT_EQ(kept.at("data.isDefault"), true);
  expect_error(call("DELETE", "/v1/databases/" + kept.word("data.id")), 403, "default-database");
}

TEST_F(DatabaseSurfaceTest, AProjectHasOneDefaultAndTheNewerOneIsIt) {
  const auto make = [this](const std::string& project) {
    const HttpAnswer made =
        post("/v1/databases", R"({"isDefault":true,"projectId":")" + project + "\"}");
    EXPECT_EQ(made.at("data.isDefault"), true) << made.text;
    return "/v1/databases/" + made.word("data.id");
  };
  const std::string first = make("proj_shop");
  const std::string other = make("proj_other");
  const std::string second = make("proj_shop");
  EXPECT_EQ(get(first).at("data.isDefault"), false);
  EXPECT_EQ(get(second).at("data.isDefault"), true);
  EXPECT_EQ(get(other).at("data.isDefault"), true);
  expect_error(call("DELETE", second), 403, "default-database");
  expect_error(call("DELETE", other), 403, "default-database");
  EXPECT_EQ(call("DELETE", first).status, 204);
  stop();
  start();
  EXPECT_EQ(get(second).at("data.isDefault"), true);
  expect_error(call("DELETE", second), 403, "default-database");
}

}  // namespace
}  // namespace restored::control
