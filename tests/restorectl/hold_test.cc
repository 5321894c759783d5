// restore --hold, operation commit, and what the following verbs say of a restore that is held.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "program_run.h"
#include "scripted_agent.h"

namespace restored::ctl_test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string shop_id = "db_shop00000000000000000001";

std::string operation(const std::string& status, const std::string& phase, bool held,
                      const std::string& hooks = "[]") {
  return R"({"data":{"id":"op1","kind":"restore","status":")" + status + R"(","phase":")" + phase +
         R"(","databaseId":")" + shop_id + R"(","backupId":"b1","bytesDone":10,"bytesTotal":10,)" +
         R"("waitingOn":null,"createdAt":"2026-11-22T23:59:59.500Z","endedAt":null,"error":null,)" +
         R"("hooks":)" + hooks + R"(,"heldUntil":)" +
         (held ? R"("2026-11-23T01:00:00.000Z")" : "null") + "}}";
}

// Takes what is asked for; the operation is seen as each of the bodies in turn, the last for ever.
class Script {
 public:
  explicit Script(std::vector<std::string> bodies, bool knows_holds = true)
      : bodies_(std::move(bodies)), knows_holds_(knows_holds) {}
  Reply operator()(const Request& request) {
    if (request.method == "POST") {
      Reply reply{200, R"({"data":{"id":"x"}})", {{"Operation-Location", "/v1/operations/op1"}}};
      if (knows_holds_ && !request.prefer.empty()) {
        reply.headers["Preference-Applied"] = request.prefer;
      }
      return reply;
    }
    return {200, bodies_[std::min(next_++, bodies_.size() - 1)], {}};
  }

 private:
  std::vector<std::string> bodies_;
  bool knows_holds_;
  std::size_t next_ = 0;
};

Ended ask(const ScriptedAgent& agent, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(),
                   {"--control", agent.control(), "--token-file", agent.token_file()});
  return run(arguments);
}
std::vector<std::string> restore_verb(const std::vector<std::string>& more) {
  std::vector<std::string> words = {"restore", shop_id, "--backup", "b1", "--confirm", shop_id};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

const std::string running = operation("running", "fetch", false);
const std::string staged = operation("running", "staged", true);
const std::string done = operation("succeeded", "done", false);

TEST(HoldTest, AsksForAHoldAndSaysHowItGoesOn) {
  const ScriptedAgent agent(Script({running}));
  const Ended ended = ask(agent, restore_verb({"--hold"}));
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("restorectl operation commit op1"));
  ASSERT_EQ(agent.requests("POST").size(), 1u);
  EXPECT_EQ(agent.requests("POST").at(0).prefer, "hold=stage");
}

TEST(HoldTest, APlainRestorePrefersNothing) {
  const ScriptedAgent agent(Script({running}));
  EXPECT_EQ(ask(agent, restore_verb({})).status, 0);
  EXPECT_EQ(agent.requests("POST").at(0).prefer, "");
}

TEST(HoldTest, WithWaitItIsDoneWhenItIsStaged) {
  const ScriptedAgent agent(Script({running, staged}));
  const Ended ended = ask(agent, restore_verb({"--hold", "--wait"}));
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("restore op1 is staged; until 2026-11-23T01:00:00.000Z"));
  EXPECT_THAT(ended.output, HasSubstr("restorectl operation commit op1"));
  EXPECT_THAT(ended.output, HasSubstr("restorectl operation cancel op1"));
}

TEST(HoldTest, AnAgentThatDoesNotKnowHoldsIsToldOf) {
  const ScriptedAgent agent(Script({running}, false));
  const Ended ended = ask(agent, restore_verb({"--hold", "--wait"}));
  EXPECT_NE(ended.status, 0);
  EXPECT_THAT(ended.errors, HasSubstr("too old to hold"));
  EXPECT_THAT(ended.errors, HasSubstr("restorectl operation cancel op1"));
  const Ended limited = ask(agent, restore_verb({"--hold", "--bandwidth", "1MiB"}));
  EXPECT_NE(limited.status, 0);
  EXPECT_THAT(limited.errors, HasSubstr("restorectl operation cancel op1"))
      << "whatever becomes of its limit";
}

TEST(HoldTest, WaitingForOneEndsWhenItIsStagedWithAStatusOfItsOwn) {
  const ScriptedAgent agent(Script({running, staged}));
  const Ended ended = ask(agent, {"operation", "wait", "op1"});
  EXPECT_EQ(ended.status, 75);
  EXPECT_THAT(ended.output, HasSubstr("restorectl operation commit op1"));
  EXPECT_THAT(ended.errors, Not(HasSubstr("error:")));
  EXPECT_THAT(ask(agent, {"operation", "wait", "--help"}).output, HasSubstr("75"));
  const Ended json = ask(agent, {"operation", "wait", "op1", "--json"});
  EXPECT_EQ(json.status, 75);
  EXPECT_EQ(json.output, staged + "\n");
}

TEST(HoldTest, ACommitIsSentAndMayBeWaitedFor) {
  const Ended help = run({"operation", "commit", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.output, HasSubstr("Example:\n  restorectl operation commit ID"));
  // Right after its commit it still says staged, but no time any more.
  const ScriptedAgent agent(Script({operation("running", "staged", false), done}));
  const Ended sent = ask(agent, {"operation", "commit", "op1"});
  EXPECT_EQ(sent.status, 0) << sent.errors;
  EXPECT_THAT(sent.output, HasSubstr("restore op1 is committed"));
  ASSERT_EQ(agent.requests("POST").size(), 1u);
  EXPECT_EQ(agent.requests("POST").at(0).target, "/v1/operations/op1/commit");
  const Ended waited = ask(agent, {"operation", "commit", "op1", "--wait"});
  EXPECT_EQ(waited.status, 0) << waited.errors;
  EXPECT_THAT(waited.output, HasSubstr("now holds backup b1"));
}

TEST(HoldTest, WhatHooksDidIsShown) {
  const ScriptedAgent agent(Script({operation(
      "failed", "swap", false,
      R"([{"event":"before_swap","exitStatus":3,"seconds":0.5,"output":"not now","timedOut":false},)"
      R"({"event":"failed","exitStatus":null,"seconds":30.0,"output":"","timedOut":true}])")}));
  const Ended shown = ask(agent, {"operation", "show", "op1"});
  EXPECT_THAT(shown.output, HasSubstr("hook before_swap: exit status 3 (0.5 s): not now\n"));
  EXPECT_THAT(shown.output, HasSubstr("hook failed: no exit status, killed after its time (30 s)"));
}

}  // namespace
}  // namespace restored::ctl_test
