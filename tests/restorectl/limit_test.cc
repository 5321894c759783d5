// Limits on bandwidth, and what a wait looks like.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "program_run.h"
#include "scripted_agent.h"

namespace restored::ctl_test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const std::string shop_id = "db_shop00000000000000000001";

Ended ask(const ScriptedAgent& agent, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(),
                   {"--control", agent.control(), "--token-file", agent.token_file()});
  return run(arguments);
}

Reply limits(const Request&) {
  return {200,
          R"({"data":{"type":"limits","bandwidthBytesPerSecond":104857600,)"
          R"("lasts":"until the agent's next start"}})",
          {}};
}

// Every POST begins an operation.
Reply begins(const Request& request) {
  if (request.method == "PATCH") return {200, R"({"data":{"id":"op1"}})", {}};
  return {200, R"({"data":{"id":"x"}})", {{"Operation-Location", "/v1/operations/op1"}}};
}

TEST(LimitTest, ARateHasAUnitOrIsNone) {
  const ScriptedAgent agent(limits);
  const std::vector<std::pair<std::string, std::string>> rates = {
      {"100MiB", "104857600"}, {"100MiB/s", "104857600"}, {"65536", "65536"}, {"none", "0"}};
  for (const auto& [typed, sent] : rates) {
    const auto ended = ask(agent, {"limit", "set", typed});
    EXPECT_EQ(ended.status, 0) << ended.errors;
    EXPECT_EQ(agent.requests().back().body, R"({"bandwidthBytesPerSecond":)" + sent + "}");
    EXPECT_THAT(ended.output, HasSubstr("at most 100.0 MiB/s, until the agent's next start\n"));
    EXPECT_THAT(ended.output, HasSubstr("store.bandwidth"));
  }
  for (const char* typed : {"fast", "100MB", "-5", "", "100MiB/h"}) {
    const auto ended = ask(agent, {"limit", "set", typed});
    EXPECT_EQ(ended.status, 64) << typed;
  }
  EXPECT_EQ(agent.requests().size(), rates.size()) << "what is no rate is not sent";
}

TEST(LimitTest, TheAgentsLimitIsShown) {
  const ScriptedAgent agent(limits);
  EXPECT_THAT(ask(agent, {"limit", "show"}).output, HasSubstr("at most 100.0 MiB/s"));
  const ScriptedAgent unlimited([](const Request&) {
    return Reply{200, R"({"data":{"bandwidthBytesPerSecond":0,"lasts":"until then"}})", {}};
  });
  EXPECT_THAT(ask(unlimited, {"limit", "show"}).output, HasSubstr("no limit"));
  EXPECT_THAT(ask(unlimited, {"limit", "show", "--json"}).output,
              HasSubstr(R"("bandwidthBytesPerSecond":0)"));
}

TEST(LimitTest, AnOperationIsLimited) {
  const ScriptedAgent agent(begins);
  const auto ended = ask(agent, {"operation", "limit", "op1", "50MiB"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_EQ(ended.output, "operation op1: at most 50.0 MiB/s\n");
  EXPECT_EQ(agent.requests().at(0).body, R"({"bandwidthBytesPerSecond":52428800})");
}

TEST(LimitTest, ARestoreBeginsAndThenGetsItsLimit) {
  const ScriptedAgent agent(begins);
  const auto ended = ask(
      agent, {"restore", shop_id, "--backup", "b1", "--confirm", shop_id, "--bandwidth", "1MiB"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  ASSERT_EQ(agent.requests().size(), 2U);
  EXPECT_THAT(agent.requests()[0].body, Not(HasSubstr("bandwidth"))) << "the contract's body";
  EXPECT_EQ(agent.requests()[1].method + " " + agent.requests()[1].target,
            "PATCH /v1/operations/op1");
  EXPECT_EQ(agent.requests()[1].body, R"({"bandwidthBytesPerSecond":1048576})");
}

TEST(LimitTest, ARateThatIsNoneIsSeenBeforeTheRestoreBegins) {
  const ScriptedAgent agent(begins);
  const auto ended = ask(
      agent, {"restore", shop_id, "--backup", "b1", "--confirm", shop_id, "--bandwidth", "quick"});
  EXPECT_EQ(ended.status, 64);
  EXPECT_THAT(ended.errors, HasSubstr("\"quick\" is not a rate"));
  EXPECT_TRUE(agent.requests().empty());
}

TEST(LimitTest, ARestoreThatWasFasterThanItsLimitIsNoFailure) {
  const ScriptedAgent agent([](const Request& request) {
    if (request.method != "PATCH") return begins(request);
    return Reply{409, R"({"error":{"code":"operation-ended","message":"has ended"}})", {}};
  });
  const auto ended = ask(
      agent, {"restore", shop_id, "--backup", "b1", "--confirm", shop_id, "--bandwidth", "1MiB"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
}

TEST(LimitTest, ABackupSendsItsLimitAlong) {
  const ScriptedAgent agent(begins);
  EXPECT_EQ(ask(agent, {"backup", "create", shop_id, "--bandwidth", "1GiB"}).status, 0);
  EXPECT_EQ(agent.requests().at(0).body, R"({"bandwidthBytesPerSecond":1073741824})");
}

TEST(LimitTest, JsonOfWhatBeganCarriesItsOperation) {
  const ScriptedAgent agent(begins);
  const auto ended =
      ask(agent, {"restore", shop_id, "--backup", "b1", "--confirm", shop_id, "--json"});
  EXPECT_EQ(ended.output, R"({"data":{"id":"x"},"operationId":"op1"})"
                          "\n");
}

const std::string waiting =
    R"({"data":{"id":"op1","kind":"restore","status":"running","phase":"fetch",)"
    R"("bytesDone":0,"bytesTotal":1048576,"bandwidthBytesPerSecond":1048576,)"
    R"("waitingOn":"the object store at 10.0.0.7:8000: 503 SlowDown",)"
    R"("waitingSince":"2026-01-01T00:00:00.000Z","waitAttempts":4}})";

TEST(LimitTest, AnOperationThatWaitsSaysOnWhatSinceWhenAndHowOften) {
  const ScriptedAgent agent([](const Request&) { return Reply{200, waiting, {}}; });
  const auto shown = ask(agent, {"operation", "show", "op1"});
  const std::string sentence =
      "waits for the object store at 10\\.0\\.0\\.7:8000: 503 SlowDown "
      "\\(since [0-9]+ h [0-9]+ min, 4 attempts\\)";
  EXPECT_THAT(shown.output, MatchesRegex("(.|\n)*\n" + sentence + "\n"));
  EXPECT_THAT(shown.output, Not(HasSubstr("waitingOn")));
  EXPECT_THAT(shown.output, HasSubstr("bandwidthBytesPerSecond  at most 1.0 MiB/s\n"));
  const auto followed = ask(agent, {"operation", "wait", "op1", "--timeout", "0"});
  EXPECT_THAT(followed.errors,
              MatchesRegex("fetch    0 B of 1\\.0 MiB \\(0 %\\), " + sentence + "\n(.|\n)*"));
}

}  // namespace
}  // namespace restored::ctl_test
