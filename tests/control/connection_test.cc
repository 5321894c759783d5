#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "control_test.h"

namespace restored::control {
namespace {

// A function: the shapes of the harness are made before main too, in no order.
Members new_connection_members() {
  Members members = connection_members;
  members.insert(
      members.end(),
      {{"connectionString", "string"}, {"host", "string"}, {"user", "string"}, {"pass", "string"}});
  return members;
}

class ConnectionSurfaceTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    database_ = make_database("connected");
  }
  DatabaseId database_;
};

TEST_F(ConnectionSurfaceTest, BothPathsMakeOneWithTheirOwnStatus) {
  const HttpAnswer top =
      post("/v1/connections", R"({"databaseId":"db_)" + database_.value + R"(","name":"app"})");
  EXPECT_EQ(top.status, 201) << top.text;
  const HttpAnswer below =
      post("/v1/databases/" + database_.value + "/connections", R"({"name":"reports"})");
  EXPECT_EQ(below.status, 200) << below.text;
  for (const HttpAnswer& made : {top, below}) {
    expect_members(made.at("data"), new_connection_members());
    EXPECT_EQ(made.word("data.type"), "connection");
    EXPECT_EQ(made.word("data.kind"), "redis");
    EXPECT_EQ(made.word("data.database.id"), "db_" + database_.value);
    EXPECT_EQ(made.word("data.user"), made.word("data.id"));
    EXPECT_EQ(made.word("data.connectionString"),
              made.word("data.endpoints.direct.connectionString"));
    EXPECT_EQ(made.word("data.connectionString"), "redis://" + made.word("data.user") + ":" +
                                                      made.word("data.pass") + "@127.0.0.1:6399");
    EXPECT_TRUE(engine_->authenticate("", made.word("data.pass")));
  }
}

TEST_F(ConnectionSurfaceTest, RotationShowsANewStringAndEndsTheOldPassword) {
  const HttpAnswer made =
      post("/v1/databases/" + database_.value + "/connections", R"({"name":"app"})");
  const std::string path = "/v1/connections/" + made.word("data.id");
  const HttpAnswer rotated = post(path + "/rotate", "");
  EXPECT_EQ(rotated.status, 200) << rotated.text;
  expect_members(rotated.at("data"), new_connection_members());
  EXPECT_EQ(rotated.word("data.id"), made.word("data.id"));
  EXPECT_NE(rotated.word("data.pass"), made.word("data.pass"));
  EXPECT_FALSE(engine_->authenticate("", made.word("data.pass")));
  EXPECT_TRUE(engine_->authenticate("", rotated.word("data.pass")));

  const HttpAnswer read = get(path);
  expect_members(read.at("data"), connection_members);
  EXPECT_EQ(read.text.find(rotated.word("data.pass")), std::string::npos);
  EXPECT_EQ(read.text.find("connectionString"), std::string::npos);
}

TEST_F(ConnectionSurfaceTest, ListsHaveNoSecretsAndHavePages) {
  for (const char* name : {"one", "two", "three"}) {
    ASSERT_TRUE(engine_->create_connection(database_, name));
  }
  make_database("another");
  const std::string below = "/v1/databases/" + database_.value + "/connections";
  EXPECT_EQ(get(below).at("data").as_array().size(), 4u);
  EXPECT_EQ(get("/v1/connections").at("data").as_array().size(), 5u);
  EXPECT_EQ(get("/v1/connections?databaseId=nobody").at("data").as_array().size(), 0u);
  EXPECT_EQ(get("/v1/connections").text.find("redis://"), std::string::npos);
  const HttpAnswer page = get(below + "?limit=3");
  EXPECT_EQ(page.word("data.0.name"), "default") << "by creation";
  EXPECT_EQ(page.at("pagination.hasMore"), true);
  const HttpAnswer rest = get(below + "?limit=3&cursor=" + page.word("pagination.nextCursor"));
  ASSERT_EQ(rest.at("data").as_array().size(), 1u);
  EXPECT_EQ(rest.word("data.0.name"), "three");
  expect_members(rest.at("data.0"), connection_members);
  expect_error(get("/v1/connections?limit=1001"), 422, "invalid-request");
}

TEST_F(ConnectionSurfaceTest, TheIdsPrefixIsOptionalAndUnknownOnesAre404) {
  const std::string id = engine_->connections(database_)->front().id.value;
  EXPECT_EQ(get("/v1/connections/" + id).word("data.id"), "con_" + id);
  EXPECT_EQ(get("/v1/connections/con_" + id).word("data.id"), "con_" + id);
  expect_error(get("/v1/connections/con_nobody"), 404, "resource-not-found");
  expect_error(post("/v1/connections/nobody/rotate", ""), 404, "resource-not-found");
  expect_error(call("DELETE", "/v1/connections/%20"), 404, "resource-not-found");
  expect_error(post("/v1/databases/nobody/connections", R"({"name":"app"})"), 404,
               "resource-not-found");
  expect_error(get("/v1/databases/nobody/connections"), 404, "resource-not-found");
}

TEST_F(ConnectionSurfaceTest, DeletingEndsItsPassword) {
  const auto made = engine_->create_connection(database_, "app");
  const std::string path = "/v1/connections/con_" + made->info.id.value;
  EXPECT_EQ(call("DELETE", path).status, 204);
  EXPECT_FALSE(engine_->authenticate("", made->password));
  expect_error(call("DELETE", path), 404, "resource-not-found");
}

TEST_F(ConnectionSurfaceTest, NamesHaveThreeToSixtyFiveCharacters) {
  const std::string path = "/v1/databases/" + database_.value + "/connections";
  for (const std::string& name : {std::string("ab"), std::string(66, 'x'), std::string("a\\nbc")}) {
    expect_error(post(path, R"({"name":")" + name + "\"}"), 422, "invalid-request");
  }
  expect_error(post(path, "{}"), 422, "invalid-request");
  expect_error(post(path, R"({"name":null})"), 422, "invalid-request");
  expect_error(post(path, ""), 400, "invalid-request");
  expect_error(post("/v1/connections", R"({"name":"app"})"), 422, "invalid-request");
  EXPECT_EQ(post(path, R"({"name":"abc"})").status, 200);
  EXPECT_EQ(post(path, R"({"name":"größe"})").word("data.name"), "größe");
  const auto umlauts = [](int count) {
    std::string text;
    for (int index = 0; index < count; ++index) text += "ä";
    return R"({"name":")" + text + "\"}";
  };
  expect_error(post(path, umlauts(2)), 422, "invalid-request");  // four bytes
  EXPECT_EQ(post(path, umlauts(65)).status, 200);
  expect_error(post(path, umlauts(66)), 422, "invalid-request");
  expect_error(post(path, "{\"name\":\"ab\xff\x63\"}"), 400, "invalid-request");
  expect_error(post(path, R"({"name":"ab\ud800c"})"), 400, "invalid-request");
  expect_error(post(path, "{\"name\":\"ab\xc2\x9b\x63\"}"), 422, "invalid-request");
  EXPECT_EQ(post(path, R"({"name":")" + std::string(65, 'x') + "\"}").status, 200);
}

}  // namespace
}  // namespace restored::control
