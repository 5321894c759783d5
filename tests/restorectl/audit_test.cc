// restorectl audit: what it asks for, and what people read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "program_run.h"
#include "scripted_agent.h"

namespace restored::ctl_test {
namespace {

using testing::HasSubstr;
using testing::Not;

Ended ask(const ScriptedAgent& agent, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(),
                   {"--control", agent.control(), "--token-file", agent.token_file()});
  return run(arguments);
}

std::string entry(const std::string& id, const std::string& error) {
  return R"({"id":")" + id + R"(","at":"2026-11-22T10:00:00.000Z","principal":"token:ci",)" +
         R"("peer":"uid=0 pid=1","method":"POST","path":"/v1/tokens/)" + id +
         R"(","status":201,"errorCode":)" + error + "}";
}

// Two pages, the first of them short: the agent looks at so many entries at a time.
Reply pages(const Request& request) {
  const bool second = request.target.find("cursor=abc") != std::string::npos;
  return {200,
          R"({"data":[)" +
              (second ? entry("two", "null") + "," + entry("three", "null")
                      : entry("one", R"("database-busy")")) +
              R"(],"pagination":{"nextCursor":)" + (second ? "null" : R"("abc")") +
              R"(,"hasMore":)" + (second ? "false" : "true") + "}}",
          {}};
}

TEST(AuditTest, FollowsPagesUpToItsLimit) {
  const ScriptedAgent agent(pages);
  const auto ended = ask(agent, {"audit", "--principal", "token:ci", "--limit", "2"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("POST /v1/tokens/one"));
  EXPECT_THAT(ended.output, HasSubstr("database-busy"));
  EXPECT_THAT(ended.output, HasSubstr("POST /v1/tokens/two"));
  EXPECT_THAT(ended.output, Not(HasSubstr("three")));
  const auto asked = agent.requests();
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].target, "/v1/audit?principal=token%3Aci&limit=2");
  EXPECT_EQ(asked[1].target, "/v1/audit?principal=token%3Aci&limit=2&cursor=abc");
  EXPECT_EQ(asked[0].idempotency_key, "") << "reading needs none";
}

TEST(AuditTest, WhatTheAgentDoesByItselfIsNamed) {
  const ScriptedAgent agent([](const Request&) {
    return Reply{
        200,
        R"({"data":[{"id":"one","at":"2026-11-22T10:00:00.000Z","principal":"schedule",)"
        R"("event":"retention-removal","reason":"older than 7 days","outcome":"removed"}],)"
        R"("pagination":{"nextCursor":null,"hasMore":false}})",
        {}};
  });
  const auto ended = ask(agent, {"audit"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("removal by retention: older than 7 days"));
}

TEST(AuditTest, JsonIsTheAgentsPage) {
  const ScriptedAgent agent(pages);
  const auto ended = ask(agent, {"audit", "--json", "--since", "2026-11-22T00:00:00Z"});
  EXPECT_EQ(ended.output, pages({}).body + "\n");
  EXPECT_EQ(agent.requests().at(0).target, "/v1/audit?since=2026-11-22T00%3A00%3A00Z&limit=50");
}

TEST(AuditTest, HasAHelpWithAnExample) {
  const auto help = run({"audit", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.output, HasSubstr("Example:"));
  EXPECT_EQ(run({"audit", "--limit", "0"}).status, 64);
  EXPECT_THAT(run({"--help"}).output, HasSubstr("Idempotency-Key"));
}

}  // namespace
}  // namespace restored::ctl_test
