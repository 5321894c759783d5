// Who may ask: schemes, scopes, tokens; and what the log says of who did.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/log.h"
#include "control_test.h"

namespace restored::control {
namespace {

constexpr Scopes read = 1;
constexpr Scopes write = 2;
constexpr Scopes restore = 4;

class AuthenticationSurfaceTest : public ControlTest {
 protected:
  HttpAnswer with_token(std::string_view method, std::string_view path, const std::string& token,
                        const std::optional<std::string>& body = std::nullopt) {
    return call(method, path, body, {"Authorization: Bearer " + token});
  }
};

TEST_F(AuthenticationSurfaceTest, TheFirstSurfaceTakesOnlyValidBearerTokens) {
  const std::string revoked = new_token(7);
  for (const TokenInfo& info : engine_->tokens()) {
    if (info.name != "test") continue;
    ASSERT_TRUE(engine_->revoke_token(info.id));
  }
  for (const std::string& header :
       {std::string("Authorization:"), std::string("Authorization: Bearer"),
        std::string("Authorization: Bearer wrong"), "Authorization: Bearer " + admin_ + "x",
        "Authorization: Bearer " + revoked, "Authorization: " + admin_,
        "Authorization: Token " + admin_, "Authorization: " + basic("admin", admin_)}) {
    const HttpAnswer answer = call("GET", "/v1/databases", {}, {header});
    expect_error(answer, 401, "authentication-required");
    EXPECT_TRUE(answer.header("www-authenticate").starts_with("Bearer")) << header;
    EXPECT_EQ(answer.text.find(admin_), std::string::npos);
  }
  EXPECT_EQ(get("/v1/databases").status, 200);
}

TEST_F(AuthenticationSurfaceTest, TheSecondSurfaceTakesOnlyEmailAndKey) {
  for (const std::string& header :
       {std::string("Authorization:"), "Authorization: Bearer " + admin_,
        "Authorization: " + basic("ops@example.org", "wrong"),
        "Authorization: " + basic("ops@example.org", ""), "Authorization: " + basic("", admin_),
        "Authorization: " + basic("nobody", admin_), std::string("Authorization: Basic ????")}) {
    const HttpAnswer answer = call("GET", "/v2/redis/databases", {}, {header});
    expect_second_error(answer, 401);
    EXPECT_TRUE(answer.header("www-authenticate").starts_with("Basic")) << header;
  }
  for (const char* user : {"admin", "ops@example.org"}) {
    EXPECT_EQ(
        call("GET", "/v2/redis/databases", {}, {"Authorization: " + basic(user, admin_)}).status,
        200)
        << user;
  }
}

TEST_F(AuthenticationSurfaceTest, EachScopeOpensItsRoutesOnly) {
  const DatabaseId database = make_database("guarded");
  const std::string path = "/v1/databases/" + database.value;
  const std::string body = restore_body(database, BackupId("none"));
  const std::string readers = new_token(read);
  const std::string writers = new_token(write);
  const std::string restorers = new_token(restore);

  EXPECT_EQ(with_token("GET", path, readers).status, 200);
  EXPECT_EQ(with_token("HEAD", path, readers).status, 200);
  expect_error(with_token("DELETE", path, readers), 403, "permission-missing");
  expect_error(with_token("POST", path + "/backups", readers, "{}"), 403, "permission-missing");
  expect_error(with_token("POST", path + "/restore", readers, body), 403, "permission-missing");

  expect_error(with_token("GET", path, writers), 403, "permission-missing");
  EXPECT_EQ(with_token("PATCH", path, writers, R"({"name":"renamed"})").status, 200);
  expect_error(with_token("POST", path + "/restore", writers, body), 403, "permission-missing");
  expect_error(with_token("POST", path + "/restore/validate", writers, body), 403,
               "permission-missing");
  expect_error(with_token("POST", path + "/restore/undo", writers), 403, "permission-missing");

  expect_error(with_token("POST", path + "/restore", restorers, body), 404, "backup-not-found");
  expect_error(with_token("GET", path, restorers), 403, "permission-missing");
  for (const std::string& token : {writers, restorers}) {
    expect_error(with_token("DELETE", "/v1/operations/none", token), 404, "resource-not-found");
  }
  expect_error(with_token("DELETE", "/v1/operations/none", readers), 403, "permission-missing");

  const HttpAnswer second =
      call("POST", "/v2/redis/restore-backup/" + database.value, R"({"backup_id":"none"})",
           {"Authorization: " + basic("a@b", writers)});
  expect_second_error(second, 403);
}

TEST_F(AuthenticationSurfaceTest, TokensAreMadeListedAndRevoked) {
  const HttpAnswer made = post("/v1/tokens", R"({"name":"ci","scopes":["read","restore"]})");
  EXPECT_EQ(made.status, 201) << made.text;
  expect_members(made.at("data"), {{"id", "string"},
                                   {"type", "string"},
                                   {"url", "string"},
                                   {"name", "string"},
                                   {"scopes", "array"},
                                   {"createdAt", "time"},
                                   {"secret", "string"}});
  EXPECT_EQ(made.word("data.type"), "token");
  EXPECT_EQ(boost::json::serialize(made.at("data.scopes")), R"(["read","restore"])");
  const std::string secret = made.word("data.secret");
  const std::string path = "/v1/tokens/" + made.word("data.id");
  EXPECT_EQ(with_token("GET", "/v1/databases", secret).status, 200);

  const HttpAnswer shown = with_token("GET", path, secret);
  EXPECT_EQ(shown.word("data.name"), "ci");
  EXPECT_TRUE(shown.at("data.secret").is_null()) << "a secret is shown once";
  const HttpAnswer list = get("/v1/tokens");
  EXPECT_EQ(list.at("data").as_array().size(), 2u) << "the administrator's, and this one";
  EXPECT_EQ(list.text.find("secret"), std::string::npos);

  EXPECT_EQ(call("DELETE", path).status, 204);
  expect_error(with_token("GET", "/v1/databases", secret), 401, "authentication-required");
  expect_error(call("DELETE", path), 404, "resource-not-found");
}

TEST_F(AuthenticationSurfaceTest, NobodyGivesOrTakesMoreThanHeHas) {
  const std::string limited = new_token(read | write);
  expect_error(with_token("POST", "/v1/tokens", limited, R"({"name":"x","scopes":["restore"]})"),
               403, "permission-missing");
  expect_error(
      with_token("POST", "/v1/tokens", limited, R"({"name":"x","scopes":["read","restore"]})"), 403,
      "permission-missing");
  EXPECT_EQ(with_token("POST", "/v1/tokens", limited, R"({"name":"x","scopes":["read"]})").status,
            201);
  for (const TokenInfo& info : engine_->tokens()) {
    if (info.name != "admin") continue;
    expect_error(with_token("DELETE", "/v1/tokens/" + info.id.value, limited), 403,
                 "permission-missing");
  }
}

TEST_F(AuthenticationSurfaceTest, TokenRequestsAreChecked) {
  for (const char* body : {R"({"name":"x"})", R"({"name":"x","scopes":[]})",
                           R"({"name":"x","scopes":"read"})", R"({"name":"x","scopes":["all"]})",
                           R"({"name":"x","scopes":[1]})", R"({"scopes":["read"]})",
                           R"({"name":"","scopes":["read"]})", R"({"name":7,"scopes":["read"]})"}) {
    expect_error(post("/v1/tokens", body), 422, "invalid-request");
  }
  expect_error(post("/v1/tokens", "nonsense"), 400, "invalid-request");
  EXPECT_EQ(engine_->tokens().size(), 1u);
}

TEST_F(AuthenticationSurfaceTest, InfoTellsVersionsAndLimits) {
  const HttpAnswer answer = get("/v1/info");
  EXPECT_EQ(answer.status, 200);
  expect_members(answer.at("data"), {{"type", "string"},
                                     {"version", "string"},
                                     {"rocksdbVersion", "string"},
                                     {"repository", "string"},
                                     {"repositoryError", "object|null"},
                                     {"encryptionKey", "string|null"},
                                     {"dataPlane", "object"},
                                     {"ioUring", "bool"},
                                     {"ioNote", "string|null"},
                                     {"memoryBudgetBytes", "integer"},
                                     {"memoryInUseBytes", "integer"},
                                     {"decodeThreads", "integer"},
                                     {"limits", "object"},
                                     {"features", "array"}});
  EXPECT_EQ(answer.at("data.dataPlane.port").as_int64(), 6399);
  EXPECT_EQ(answer.at("data.limits.bodyBytes").as_int64(), 65536);
}

// Names are free text, and the log has them between quotes, in a message between quotes.
TEST_F(AuthenticationSurfaceTest, ATokensNameCannotForgeALine) {
  const HttpAnswer made =
      post("/v1/tokens", R"({"name":"x\" status=200 by=\"admin\\","scopes":["read"]})");
  ASSERT_EQ(made.status, 201) << made.text;
  expect_error(post("/v1/tokens", R"({"name":"x\nrequest=1","scopes":["read"]})"), 422,
               "invalid-request");
  log::set_level(log::Level::info);
  testing::internal::CaptureStderr();
  const HttpAnswer answer =
      call("GET", "/v1/databases", {}, {"Authorization: Bearer " + made.word("data.secret")});
  stop();  // the line is written after the answer
  const std::string lines = testing::internal::GetCapturedStderr();
  log::set_level(log::Level::error);
  EXPECT_EQ(answer.status, 200);
  const std::string by = R"(by=\"token:x\\\" status=200 by=\\\"admin\\\\ )" + peer_begin();
  EXPECT_NE(lines.find(by), std::string::npos) << lines;
}

TEST_F(AuthenticationSurfaceTest, ARequestsIdStandsInItsLine) {
  log::set_level(log::Level::info);
  testing::internal::CaptureStderr();
  call("GET", "/v1/databases/nobody", {}, {"X-Request-Id: given-by-me"});
  const std::string made = get("/v1/databases").header("x-request-id");
  stop();  // a line is written after its answer
  const std::string lines = testing::internal::GetCapturedStderr();
  log::set_level(log::Level::error);
  EXPECT_NE(lines.find("request=given-by-me method=GET path=/v1/databases/nobody status=404"),
            std::string::npos)
      << lines;
  EXPECT_NE(lines.find("request=" + made + " method=GET path=/v1/databases status=200"),
            std::string::npos)
      << lines;
}

}  // namespace
}  // namespace restored::control
