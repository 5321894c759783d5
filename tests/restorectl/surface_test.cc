// Every path of the agent's first surface has a verb that asks it, or a reason why none does; and
// the verbs that only show what one path says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "program_run.h"
#include "scripted_agent.h"

namespace restored::ctl_test {
namespace {

using testing::HasSubstr;

const std::string shop_id = "db_shop00000000000000000001";

Ended ask(const ScriptedAgent& agent, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(),
                   {"--control", agent.control(), "--token-file", agent.token_file()});
  return run(arguments);
}

// Whatever is asked for is there, has ended, and is of no size.
Reply anything(const Request& request) {
  if (request.method == "DELETE") return {204, "", {}};
  const std::string one = R"({"id":"x","status":"succeeded","kind":"restore","name":"shop"})";
  if (request.target.ends_with("/events")) {
    return {404, R"({"error":{"code":"resource-not-found","message":"not here"}})", {}};
  }
  Reply reply{200, R"({"data":)" + one + "}", {}};
  if (request.method == "POST") reply.headers["Operation-Location"] = "/v1/operations/op1";
  return reply;
}

// "GET /v1/databases/{id}" of every row of /v1.
std::set<std::string> rows() {
  std::ifstream file(CONTROL_DOCUMENT);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const boost::json::value document = boost::json::parse(text);
  std::set<std::string> all;
  for (const auto& path : document.at("paths").as_object()) {
    if (!path.key().starts_with("/v1/")) continue;
    for (const auto& method : path.value().as_object()) {
      std::string row(method.key());
      std::ranges::transform(row, row.begin(), [](unsigned char c) { return std::toupper(c); });
      if (row != "PARAMETERS") all.insert(row + " " + std::string(path.key()));
    }
  }
  return all;
}

std::vector<std::string> steps(std::string_view path) {
  std::vector<std::string> found(1);
  for (const char c : path.substr(0, path.find('?'))) {
    if (c == '/') {
      found.emplace_back();
    } else {
      found.back() += c;
    }
  }
  return found;
}

// The row that a request is of; a step that is named comes before one that is a parameter.
std::string row_of(const std::set<std::string>& all, const Request& request) {
  const std::vector<std::string> asked = steps(request.method + " " + request.target);
  std::string best;
  for (const std::string& row : all) {
    const std::vector<std::string> wanted = steps(row);
    const bool same = std::ranges::equal(asked, wanted, [](const auto& one, const auto& pattern) {
      return one == pattern || (pattern.starts_with('{') && !one.empty());
    });
    if (same && (best.empty() || row.find('{') > best.find('{'))) best = row;
  }
  return best;
}

const std::map<std::string, std::string> without_verb = {
    {"GET /v1/databases/{id}/content",
     "backup verify --deep --against asks it once it has read a whole backup"},
    {"POST /v1/projects/{project}/databases", "the older sibling of database create --project"},
    {"GET /v1/projects/{project}/databases", "the older sibling of database list --project"},
    {"POST /v1/connections", "connection create asks the database's own path"},
    {"GET /v1/databases/{id}/backups/{backup}", "a backup is found by its id alone"},
    {"DELETE /v1/databases/{id}/backups/{backup}", "a backup is found by its id alone"},
    {"POST /v1/databases/{id}/backups/{backup}/verify", "a backup is found by its id alone"}};

TEST(SurfaceTest, EveryPathHasItsVerbOrAReason) {
  const ScriptedAgent agent(anything);
  const std::vector<std::vector<std::string>> verbs = {
      {"database", "create", "shop"},
      {"database", "list"},
      {"database", "show", shop_id},
      {"database", "update", shop_id, "--name", "n"},
      {"database", "delete", shop_id, "--confirm", shop_id},
      {"database", "usage", shop_id},
      {"database", "schedule", shop_id},
      {"database", "schedule", shop_id, "--daily", "on"},
      {"connection", "create", shop_id, "app"},
      {"connection", "list"},
      {"connection", "list", shop_id},
      {"connection", "show", "con_a"},
      {"connection", "rotate", "con_a"},
      {"connection", "delete", "con_a"},
      {"backup", "create", shop_id},
      {"backup", "list", shop_id},
      {"backup", "show", "b1"},
      {"backup", "show", "b1", "--manifest"},
      {"backup", "verify", "b1"},
      {"backup", "delete", "b1", "--confirm", "b1"},
      {"repository", "collect"},
      {"repository", "rekey"},
      {"restore", shop_id, "--backup", "b1", "--confirm", shop_id},
      {"restore", shop_id, "--backup", "b1", "--validate"},
      {"undo", shop_id, "--confirm", shop_id},
      {"operation", "list"},
      {"operation", "show", "o1"},
      {"operation", "wait", "o1"},
      {"operation", "watch", "o1"},
      {"operation", "commit", "o1"},
      {"operation", "limit", "o1", "50MiB"},
      {"operation", "cancel", "o1"},
      {"token", "create", "--scope", "read"},
      {"token", "list"},
      {"token", "show", "t1"},
      {"token", "revoke", "t1"},
      {"whoami"},
      {"audit"},
      {"limit", "show"},
      {"limit", "set", "none"},
      {"info"},
      {"openapi"}};
  for (const auto& verb : verbs) {
    const Ended ended = ask(agent, verb);
    EXPECT_NE(ended.status, 64) << testing::PrintToString(verb) << ended.errors;
  }
  const std::set<std::string> all = rows();
  ASSERT_GT(all.size(), 40u);
  std::set<std::string> reached;
  for (const Request& request : agent.requests()) {
    const std::string row = row_of(all, request);
    EXPECT_NE(row, "") << request.method << " " << request.target << " is no path of the agent";
    reached.insert(row);
  }
  for (const std::string& row : all) {
    EXPECT_NE(reached.contains(row), without_verb.contains(row)) << row;
  }
  for (const auto& [row, reason] : without_verb) EXPECT_TRUE(all.contains(row)) << row;
}

TEST(SurfaceTest, WhatOnlyShowsHasAHelpWithAnExample) {
  for (std::vector<std::string> verb : std::vector<std::vector<std::string>>{{"database", "update"},
                                                                             {"connection", "show"},
                                                                             {"token", "show"},
                                                                             {"whoami"},
                                                                             {"openapi"}}) {
    std::string words = "Example:\n  restorectl";
    for (const auto& word : verb) words += " " + word;
    verb.emplace_back("--help");
    EXPECT_THAT(run(verb).output, HasSubstr(words));
  }
}

TEST(SurfaceTest, ListsAreFilteredByTheAgent) {
  const ScriptedAgent agent([](const Request& request) {
    if (request.target.starts_with("/v1/databases?") && !request.target.contains("cursor")) {
      return Reply{200, R"({"data":[],"pagination":{"nextCursor":"c","hasMore":true}})", {}};
    }
    return Reply{200, R"({"data":[],"pagination":{"nextCursor":null,"hasMore":false}})", {}};
  });
  const auto targets = [&](std::vector<std::string> verb) {
    const std::size_t before = agent.requests().size();
    EXPECT_EQ(ask(agent, std::move(verb)).status, 0);
    std::vector<std::string> asked;
    for (std::size_t index = before; index < agent.requests().size(); ++index)
      asked.push_back(agent.requests()[index].target);
    return asked;
  };
  EXPECT_EQ(targets({"database", "list", "--project", "a b", "--logical-id", "orders"}),
            (std::vector<std::string>{"/v1/databases?projectId=a%20b&logicalId=orders",
                                      "/v1/databases?projectId=a%20b&logicalId=orders&cursor=c"}));
  EXPECT_EQ(targets({"database", "list", "--project", "shop", "--json"}),
            std::vector<std::string>{"/v1/databases?projectId=shop&limit=1000"});
  EXPECT_EQ(targets({"operation", "list", "--database", shop_id, "--kind", "restore", "--status",
                     "failed"}),
            std::vector<std::string>{"/v1/operations?databaseId=" + shop_id +
                                     "&kind=restore&status=failed"});
  EXPECT_EQ(targets({"operation", "list", "--status", "running", "--json"}),
            std::vector<std::string>{"/v1/operations?status=running&limit=1000"});
  EXPECT_EQ(targets({"connection", "list"}), std::vector<std::string>{"/v1/connections"});
}

TEST(SurfaceTest, ADatabaseIsMadeDefaultAndGetsAnotherIdentity) {
  const ScriptedAgent agent([](const Request&) {
    return Reply{
        200,
        R"({"data":{"id":"db_a","name":"checkout","logicalId":"orders","status":"ready"}})",
        {}};
  });
  ask(agent, {"database", "create", "shop", "--logical-id", "orders", "--default"});
  EXPECT_EQ(agent.requests().back().body,
            R"({"name":"shop","projectId":"default","logicalId":"orders","isDefault":true})");
  const Ended updated =
      ask(agent, {"database", "update", shop_id, "--name", "checkout", "--logical-id", "orders"});
  EXPECT_EQ(updated.output, "database db_a is \"checkout\", with the logical id orders\n");
  EXPECT_EQ(agent.requests().back().method, "PATCH");
  EXPECT_EQ(agent.requests().back().target, "/v1/databases/" + shop_id);
  EXPECT_EQ(agent.requests().back().body, R"({"name":"checkout","logicalId":"orders"})");
  const std::size_t before = agent.requests().size();
  EXPECT_EQ(ask(agent, {"database", "update", shop_id}).status, 64) << "nothing to change";
  EXPECT_EQ(agent.requests().size(), before);
}

TEST(SurfaceTest, WhatIsShownIsWhatTheAgentSays) {
  const ScriptedAgent agent([](const Request& request) {
    if (request.target == "/v1/openapi.json") return Reply{200, R"({"openapi":"3.1.0"})", {}};
    if (request.target == "/v1/me") {
      return Reply{200,
                   R"({"data":{"user":null,"workspace":null,"credential":)"
                   R"({"type":"service_token","id":"t1","name":"ci"}}})",
                   {}};
    }
    if (request.target == "/v1/tokens/t1") {
      return Reply{200, R"({"data":{"id":"t1","name":"ci","scopes":["read","write"]}})", {}};
    }
    return Reply{200, R"({"data":{"id":"con_a","name":"app","database":{"name":"shop"}}})", {}};
  });
  EXPECT_EQ(ask(agent, {"openapi"}).output, "{\"openapi\":\"3.1.0\"}\n");
  EXPECT_EQ(ask(agent, {"openapi", "--json"}).output, "{\"openapi\":\"3.1.0\"}\n");
  const Ended who = ask(agent, {"whoami"});
  EXPECT_THAT(who.output, HasSubstr("t1"));
  EXPECT_THAT(who.output, HasSubstr("ci"));
  EXPECT_THAT(ask(agent, {"token", "show", "t1"}).output, HasSubstr("read,write"));
  EXPECT_THAT(ask(agent, {"connection", "show", "con_a"}).output, HasSubstr("shop"));
  EXPECT_THAT(ask(agent, {"whoami", "--json"}).output, HasSubstr(R"("workspace":null)"));
}

}  // namespace
}  // namespace restored::ctl_test
