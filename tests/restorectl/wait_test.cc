// --wait: progress, outcome, an agent that restarts, Ctrl-C.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "program_run.h"
#include "scripted_agent.h"

namespace restored::ctl_test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string shop_id = "db_shop00000000000000000001";

std::string operation(const std::string& status, const std::string& phase,
                      const std::string& error = "null") {
  return R"({"data":{"id":"op1","kind":"restore","status":")" + status + R"(","phase":")" + phase +
         R"(","databaseId":")" + shop_id +
         R"(","backupId":"b1","bytesDone":536870912,"bytesTotal":1073741824,)"
         R"("bytesReused":134217728,"bytesPerSecond":268435456,"etaSeconds":2.5,)"
         R"("waitingOn":null,"createdAt":"2026-11-22T23:59:59.500Z",)"
         R"("endedAt":"2026-11-23T00:00:01.500Z","error":)" +
         error + "}}";
}

const Reply no_stream{404, R"({"error":{"code":"resource-not-found","message":"no path"}})", {}};

// A line of the stream, about the operation of that answer.
std::string event(const std::string& type, const std::string& answer) {
  return R"({"type":")" + type + R"(","id":"1-1",)" + answer.substr(1) + "\n";
}
const std::string heartbeat = "{\"type\":\"heartbeat\"}\n";

// Accepts a restore; its operation is seen as each of the replies in turn, the last one for ever.
// Of its events, too.
class Script {
 public:
  explicit Script(std::vector<Reply> replies, std::vector<Reply> streams = {no_stream})
      : replies_(std::move(replies)), streams_(std::move(streams)) {}
  Reply operator()(const Request& request) {
    if (request.target.ends_with("/events")) {
      return streams_[std::min(next_stream_++, streams_.size() - 1)];
    }
    if (request.method == "POST") {
      return {200, R"({"data":{"id":"x"}})", {{"Operation-Location", "/v1/operations/op1"}}};
    }
    return replies_[std::min(next_++, replies_.size() - 1)];
  }

 private:
  std::vector<Reply> replies_;
  std::vector<Reply> streams_;
  std::size_t next_ = 0;
  std::size_t next_stream_ = 0;
};

std::vector<std::string> restore_verb(const ScriptedAgent& agent) {
  return {"restore", shop_id,     "--backup",      "b1",           "--confirm",       shop_id,
          "--wait",  "--control", agent.control(), "--token-file", agent.token_file()};
}

TEST(WaitTest, APlainLineForEachPhaseThenTheOutcome) {
  const ScriptedAgent agent(Script({{200, operation("running", "fetch"), {}},
                                    {200, operation("running", "fetch"), {}},
                                    {200, operation("running", "ingest"), {}},
                                    {200, operation("succeeded", "done"), {}}}));
  const auto ended = run(restore_verb(agent));
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.errors,
            "fetch    512.0 MiB of 1.0 GiB (50 %), 256.0 MiB/s, 2.5 s left\n"
            "ingest   512.0 MiB of 1.0 GiB (50 %), 256.0 MiB/s, 2.5 s left\n");
  EXPECT_THAT(ended.output,
              StartsWith(shop_id + " now holds backup b1: 512.0 MiB in 2.0 s (256.0 MiB/s), "
                                   "25 % of it reused.\n"));
  EXPECT_THAT(ended.output, HasSubstr("restorectl undo " + shop_id));
  EXPECT_EQ(agent.requests().at(1).target, "/v1/operations/op1/events");
  EXPECT_EQ(agent.requests().at(2).target, "/v1/operations/op1/wait?timeout=1");
}

TEST(WaitTest, TheEventsAreListenedToAndTheOutcomeIsAskedForOnce) {
  const std::string stream = event("state", operation("running", "fetch")) + heartbeat +
                             event("progress", operation("running", "ingest")) +
                             event("end", operation("succeeded", "done"));
  const ScriptedAgent agent(
      Script({{200, operation("succeeded", "done"), {}}}, {{200, stream, {}}}));
  const auto ended = run(restore_verb(agent));
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.errors,
            "fetch    512.0 MiB of 1.0 GiB (50 %), 256.0 MiB/s, 2.5 s left\n"
            "ingest   512.0 MiB of 1.0 GiB (50 %), 256.0 MiB/s, 2.5 s left\n");
  EXPECT_THAT(ended.output, StartsWith(shop_id + " now holds backup b1"));
  ASSERT_EQ(agent.requests().size(), 3u);
  EXPECT_EQ(agent.requests()[2].target, "/v1/operations/op1/wait?timeout=0");
}

TEST(WaitTest, AStreamThatBreaksIsTakenUpAgain) {
  const ScriptedAgent agent(Script({{0, "", {}, true},
                                    {200, operation("running", "fetch"), {}},
                                    {200, operation("succeeded", "done"), {}}},
                                   {{200, event("state", operation("running", "fetch")), {}},
                                    {0, "", {}, true},
                                    {200, event("end", operation("succeeded", "done")), {}}}));
  const auto ended = run(restore_verb(agent));
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("the agent does not answer; waiting for its restart\n"));
  EXPECT_EQ(agent.requests().size(), 7u) << "three streams, and what each is asked for after it";
}

TEST(WaitTest, AnAgentWithoutRoomForAStreamIsAskedInstead) {
  const ScriptedAgent agent(
      Script({{200, operation("running", "fetch"), {}}, {200, operation("succeeded", "done"), {}}},
             {{503, R"({"error":{"code":"too-many-clients","message":"full"}})", {}}}));
  EXPECT_EQ(run(restore_verb(agent)).status, 0);
  ASSERT_EQ(agent.requests().size(), 4u);
  EXPECT_EQ(agent.requests()[3].target, "/v1/operations/op1/wait?timeout=1");
}

// The stream has said one thing, and then nothing for ever.
TEST(WaitTest, PatienceAndControlCEndInASilenceToo) {
  Reply silent{200, event("state", operation("running", "fetch")), {}};
  silent.open = true;
  const ScriptedAgent agent(Script({{200, operation("running", "fetch"), {}}}, {silent}));
  const auto begin = std::chrono::steady_clock::now();
  const auto late = run({"operation", "wait", "op1", "--timeout", "1", "--control", agent.control(),
                         "--token-file", agent.token_file()});
  EXPECT_EQ(late.status, 75) << late.errors;
  EXPECT_THAT(late.errors, HasSubstr("operation op1 is still running after 1 s"));
  const auto interrupted = run_on_terminal(restore_verb(agent), "left", "\x03");
  EXPECT_EQ(interrupted.status, 130) << interrupted.output;
  EXPECT_THAT(interrupted.output, HasSubstr("interrupted; operation op1 goes on"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(WaitTest, ATerminalShowsABar) {
  const ScriptedAgent agent(Script(
      {{200, operation("running", "fetch"), {}}, {200, operation("succeeded", "done"), {}}}));
  const auto ended = run_on_terminal(restore_verb(agent), "", "");
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_THAT(
      ended.output,
      HasSubstr("fetch    [=================                  ]  50 %  512.0 MiB of 1.0 GiB, "
                "256.0 MiB/s, 2.5 s left"));
}

TEST(WaitTest, AFailedOperationGivesItsOwnExitStatusAndHint) {
  const ScriptedAgent agent(Script(
      {{200,
        operation("failed", "fetch",
                  R"({"code":"corrupt-data","message":"frame 17 of 000042.sst: hash differs",)"
                  R"("hint":"Verify it."})"),
        {}}}));
  const auto ended = run(restore_verb(agent));
  EXPECT_EQ(ended.status, 65);
  EXPECT_EQ(ended.errors,
            "error: restore op1 failed: frame 17 of 000042.sst: hash differs\nhint: Verify it.\n");
}

TEST(WaitTest, ACancelledOperationIsNoSuccess) {
  const ScriptedAgent agent(Script({{200, operation("cancelled", "fetch"), {}}}));
  const auto ended = run(restore_verb(agent));
  EXPECT_EQ(ended.status, 65);
  EXPECT_THAT(ended.errors, StartsWith("error: restore op1 was cancelled"));
}

TEST(WaitTest, JsonPrintsTheEndedOperationOnce) {
  const std::string succeeded = operation("succeeded", "done");
  const std::string failed =
      operation("failed", "fetch", R"({"code":"disk-full","message":"full"})");
  for (const auto& [body, status] : {std::pair(succeeded, 0), std::pair(failed, 74)}) {
    const ScriptedAgent agent(Script({{200, operation("running", "fetch"), {}}, {200, body, {}}}));
    auto verb = restore_verb(agent);
    verb.emplace_back("--json");
    const auto ended = run(verb);
    EXPECT_EQ(ended.status, status);
    EXPECT_EQ(ended.output, body + "\n");
    EXPECT_THAT(ended.errors, Not(HasSubstr("fetch    ")));
  }
}

TEST(WaitTest, AnAgentThatRestartsIsWaitedFor) {
  const ScriptedAgent agent(
      Script({{200, operation("running", "fetch"), {}},
              {200, "", {}, true},
              {503, R"({"error":{"code":"shutting-down","message":"stopping"}})", {}},
              {200, operation("running", "fetch"), {}},
              {200, operation("succeeded", "done"), {}}}));
  const auto ended = run(restore_verb(agent));
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.errors, HasSubstr("the agent does not answer; waiting for its restart\n"));
}

// Beyond the waits that it has room for, the agent answers at once.
TEST(WaitTest, AnAgentWithoutRoomToWaitIsAskedOnceASecond) {
  const ScriptedAgent agent(Script({{200, operation("running", "fetch"), {}}}));
  const auto ended = run({"operation", "wait", "op1", "--timeout", "2", "--control",
                          agent.control(), "--token-file", agent.token_file()});
  EXPECT_EQ(ended.status, 75);
  EXPECT_GE(agent.requests().size(), 3U);
  EXPECT_LE(agent.requests().size(), 5U);
}

TEST(WaitTest, AnUnknownOperationIsNotWaitedFor) {
  const ScriptedAgent agent(Script(
      {{404, R"({"error":{"code":"resource-not-found","message":"no operation op9"}})", {}}}));
  const auto ended = run({"operation", "wait", "op9", "--control", agent.control(), "--token-file",
                          agent.token_file()});
  EXPECT_EQ(ended.status, 66);
  EXPECT_EQ(agent.requests().size(), 2U) << "an older agent has no stream, and says the same";
}

TEST(WaitTest, PatienceEndsButTheOperationDoesNot) {
  const ScriptedAgent agent(Script({{200, operation("running", "fetch"), {}}}));
  const auto ended = run({"operation", "wait", "op1", "--timeout", "0", "--control",
                          agent.control(), "--token-file", agent.token_file()});
  EXPECT_EQ(ended.status, 75);
  EXPECT_THAT(ended.errors, HasSubstr("operation op1 is still running after 0 s"));
  EXPECT_THAT(ended.errors, HasSubstr("It goes on: restorectl operation wait op1."));
}

TEST(WaitTest, ControlCLeavesTheOperationRunningAndSaysHowToGoOn) {
  const ScriptedAgent agent(Script({{200, operation("running", "fetch"), {}}}));
  const auto ended = run_on_terminal(restore_verb(agent), "left", "\x03");
  EXPECT_EQ(ended.status, 130) << ended.output;
  EXPECT_THAT(ended.output, HasSubstr("interrupted; operation op1 goes on"));
  EXPECT_THAT(ended.output, HasSubstr("restorectl operation wait op1"));
  EXPECT_THAT(ended.output, HasSubstr("restorectl operation cancel op1"));
  EXPECT_TRUE(agent.requests("DELETE").empty());
}

}  // namespace
}  // namespace restored::ctl_test
