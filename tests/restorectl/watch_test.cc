// operation watch: what is printed of a stream, its outcome, an agent that restarts.
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

std::string event(const std::string& type, const std::string& id, const std::string& status,
                  const std::string& error = "null") {
  return R"({"type":")" + type + R"(","id":")" + id +
         R"(","data":{"id":"op1","kind":"verify","status":")" + status +
         R"(","phase":"read","backupId":"b1","bytesDone":536870912,"bytesTotal":1073741824,)"
         R"("bytesTransferred":9,"bytesPerSecond":268435456,"etaSeconds":2.5,"waitingOn":null,)"
         R"("updatedAt":"2026-11-22T23:59:59.500Z","error":)" +
         error + "}}\n";
}
const std::string heartbeat = "{\"type\":\"heartbeat\"}\n";

// Each request gets the next of the replies, the last one for ever.
class Script {
 public:
  explicit Script(std::vector<Reply> replies) : replies_(std::move(replies)) {}
  Reply operator()(const Request&) { return replies_[std::min(next_++, replies_.size() - 1)]; }

 private:
  std::vector<Reply> replies_;
  std::size_t next_ = 0;
};

std::vector<std::string> watch_verb(const ScriptedAgent& agent) {
  return {"operation",    "watch",           "op1", "--control", agent.control(),
          "--token-file", agent.token_file()};
}

TEST(WatchTest, ALineForEachEventThenTheOutcome) {
  const ScriptedAgent agent(
      Script({{200,
               event("state", "1-1", "running") + heartbeat + event("progress", "1-2", "running") +
                   event("end", "2-2", "succeeded"),
               {}}}));
  const auto ended = run(watch_verb(agent));
  EXPECT_EQ(ended.status, 0) << ended.errors;
  const std::string line =
      "2026-11-22T23:59:59.500Z  read     512.0 MiB of 1.0 GiB (50 %), 256.0 MiB/s, 2.5 s left\n";
  EXPECT_EQ(ended.output, line + line + "backup b1 is whole: 512.0 MiB read and hashed.\n");
  EXPECT_EQ(agent.requests().at(0).target, "/v1/operations/op1/events");
}

TEST(WatchTest, JsonIsTheAgentsOwnLines) {
  const std::string events = event("state", "1-1", "running") + event("end", "2-2", "succeeded");
  const ScriptedAgent agent(Script({{200, events, {}}}));
  auto arguments = watch_verb(agent);
  arguments.emplace_back("--json");
  const auto ended = run(arguments);
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_EQ(ended.output, events);
}

TEST(WatchTest, AFailureIsTheExitStatus) {
  const std::string error =
      R"({"code":"backup-not-usable","message":"frame 17 differs","hint":"Take another."})";
  const ScriptedAgent agent(Script({{200, event("end", "1-1", "failed", error), {}}}));
  const auto ended = run(watch_verb(agent));
  EXPECT_EQ(ended.status, 65);
  EXPECT_THAT(ended.errors, HasSubstr("error: verify op1 failed: frame 17 differs"));
  EXPECT_THAT(ended.errors, HasSubstr("hint: Take another."));
}

TEST(WatchTest, AStreamThatBreaksIsTakenUpWhereItWas) {
  const ScriptedAgent agent(Script({{200, event("state", "1-1", "running"), {}},
                                    {0, "", {}, true},
                                    {200, event("state", "2-1", "running"), {}},
                                    {200, event("end", "3-1", "succeeded"), {}}}));
  const auto ended = run(watch_verb(agent));
  EXPECT_EQ(ended.status, 0) << ended.errors;
  const auto requests = agent.requests();
  ASSERT_EQ(requests.size(), 4u);
  EXPECT_EQ(requests[1].target, "/v1/operations/op1/events?after=1-1");
  EXPECT_EQ(requests[2].target, "/v1/operations/op1/events?after=1-1");
  EXPECT_EQ(requests[3].target, "/v1/operations/op1/events?after=2-1");
}

TEST(WatchTest, ARefusalIsToldAtOnce) {
  const ScriptedAgent agent(Script(
      {{404,
        R"({"error":{"code":"resource-not-found","message":"there is no operation with this id"}})",
        {}}}));
  const auto ended = run(watch_verb(agent));
  EXPECT_EQ(ended.status, 66);
  EXPECT_THAT(ended.errors, HasSubstr("there is no operation with this id"));
  EXPECT_EQ(agent.requests().size(), 1u);
}

}  // namespace
}  // namespace restored::ctl_test
