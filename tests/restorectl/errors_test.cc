// What an error looks like: exit status, sentence, hint, and the body under --json.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "program_run.h"
#include "restored/error.h"
#include "scripted_agent.h"

namespace restored::ctl_test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Ended ask(const ScriptedAgent& agent, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(),
                   {"--control", agent.control(), "--token-file", agent.token_file()});
  return run(arguments);
}

struct Row {
  std::string_view wire;
  int http_status;
  int exit_status;
};

TEST(ErrorsTest, EveryRowOfTheTableGivesItsExitStatus) {
  constexpr Row rows[] = {
#define RESTORED_ERROR(name, number, wire, http, exit, retry, hint) {wire, http, exit},
#include "restored/error_codes.def"
#undef RESTORED_ERROR
  };
  std::mutex mutex;  // the agent's thread reads `row`
  Row row{};
  const ScriptedAgent agent([&](const Request&) {
    const std::lock_guard lock(mutex);
    return Reply{row.http_status,
                 R"({"error":{"code":")" + std::string(row.wire) +
                     R"(","message":"it did not work","hint":"do this"}})",
                 {}};
  });
  for (const auto& next : rows) {
    {
      const std::lock_guard lock(mutex);
      row = next;
    }
    const auto ended = ask(agent, {"info"});
    EXPECT_EQ(ended.status, row.exit_status) << row.wire << ' ' << row.http_status;
    EXPECT_THAT(ended.errors, StartsWith("error: it did not work"));
    EXPECT_THAT(ended.errors, HasSubstr("\nhint: do this\n"));
    EXPECT_EQ(ended.output, "");
  }
}

TEST(ErrorsTest, AnUnknownCodeOfANewerAgentIsToldByItsHttpStatus) {
  const std::map<int, int> expected = {{401, 77}, {403, 77}, {404, 66}, {409, 75},
                                       {418, 64}, {500, 70}, {503, 75}};
  std::atomic<int> status = 0;
  const ScriptedAgent agent([&](const Request&) {
    return Reply{status.load(), R"({"error":{"code":"from-the-future","message":"m"}})", {}};
  });
  for (const auto& [http_status, exit_status] : expected) {
    status = http_status;
    EXPECT_EQ(ask(agent, {"info"}).status, exit_status) << http_status;
  }
}

TEST(ErrorsTest, AServersFaultNamesItsRequest) {
  const ScriptedAgent agent([](const Request&) {
    return Reply{500,
                 R"({"error":{"code":"internal-error","message":"broken"}})",
                 {{"X-Request-Id", "req-7"}}};
  });
  const auto ended = ask(agent, {"info"});
  EXPECT_EQ(ended.status, 70);
  EXPECT_THAT(ended.errors, StartsWith("error: broken (request req-7)\nhint: This is a defect"));
}

TEST(ErrorsTest, JsonPrintsTheAgentsErrorBodyUnchanged) {
  const std::string body = "{ \"error\" : {\"code\":\"backup-not-found\",  \"message\":\"m\"} }";
  const ScriptedAgent agent([&](const Request&) { return Reply{404, body, {}}; });
  const auto ended = ask(agent, {"backup", "show", "b1", "--json"});
  EXPECT_EQ(ended.status, 66);
  EXPECT_EQ(ended.output, body + "\n");
  EXPECT_THAT(ended.errors, HasSubstr("hint: List the backups"));
}

TEST(ErrorsTest, JsonGivesItsOwnErrorsTheSameForm) {
  const auto ended = run({"info", "--json", "--control", "unix:/nowhere/s", "--token-file", "/n"});
  EXPECT_EQ(ended.status, 66);
  EXPECT_THAT(ended.output, StartsWith(R"({"error":{"code":"file-not-found","message":)"));
  EXPECT_THAT(ended.errors, StartsWith("error: cannot read the token in /n: No such file"));
}

TEST(ErrorsTest, NobodyListensIsUnavailable) {
  const ScriptedAgent agent([](const Request&) { return Reply{}; });
  const auto ended = run({"info", "--control", "unix:" + agent.directory() + "/other.sock",
                          "--token-file", agent.token_file()});
  EXPECT_EQ(ended.status, 69);
  EXPECT_THAT(ended.errors, HasSubstr("other.sock: No such file or directory"));
  EXPECT_THAT(ended.errors, HasSubstr("hint: Is restored running?"));
}

TEST(ErrorsTest, AnAgentThatGoesAwayMidwayIsUnavailable) {
  const ScriptedAgent agent([](const Request&) { return Reply{200, "", {}, true}; });
  EXPECT_EQ(ask(agent, {"info"}).status, 69);
}

TEST(ErrorsTest, AnAnswerThatIsNotJsonIsRefused) {
  const ScriptedAgent agent([](const Request&) { return Reply{200, "<html>hello</html>", {}}; });
  const auto ended = ask(agent, {"info"});
  EXPECT_EQ(ended.status, 69);
  EXPECT_THAT(ended.errors, HasSubstr("the answer is not JSON"));
}

TEST(ErrorsTest, AnErrorWithoutABodyStillSaysWhatWasAsked) {
  const ScriptedAgent agent([](const Request&) { return Reply{503, "", {}}; });
  const auto ended = ask(agent, {"info"});
  EXPECT_EQ(ended.status, 75);
  EXPECT_THAT(ended.errors, StartsWith("error: GET /v1/info: the agent answered 503"));
}

TEST(ErrorsTest, WrongUseIsExit64AndNamesTheHelp) {
  const std::map<std::string, std::vector<std::string>> wrong = {
      {"See restorectl --help.", {}},
      {"See restorectl database --help.", {"database"}},
      {"See restorectl database create --help.", {"database", "create"}},
      {"See restorectl token create --help.", {"token", "create", "--scope", "root"}},
      {"See restorectl restore --help.", {"restore", "x", "--backup", "b", "--validate", "--wait"}},
      {"Write --control unix:PATH or --control tcp:HOST:PORT.",
       {"info", "--control", "http://localhost"}},
  };
  for (const auto& [hint, arguments] : wrong) {
    const auto ended = run(arguments);
    EXPECT_EQ(ended.status, 64) << hint;
    EXPECT_THAT(ended.errors, StartsWith("error: "));
    EXPECT_THAT(ended.errors, HasSubstr("hint: " + hint));
  }
}

TEST(ErrorsTest, MalformedAddressesAreNamed) {
  const std::map<std::string, std::string> wrong = {
      {"tcp:localhost", "the port is missing"},
      {"tcp::80", "the host is missing"},
      {"tcp:h:99999", "the port is not a number from 1 to 65535"},
      {"tcp:h:x", "the port is not a number from 1 to 65535"},
      {"tcp:::1:80", "an IPv6 address stands in brackets"},
      {"unix:", "the path is missing"},
      {"unix:/" + std::string(200, 'x'), "a socket's path has at most 107 bytes"},
  };
  for (const auto& [address, why] : wrong) {
    const auto ended = run({"info", "--control", address});
    EXPECT_EQ(ended.status, 64) << address;
    EXPECT_THAT(ended.errors, HasSubstr(why));
  }
}

TEST(ErrorsTest, ATokenIsNeverPrinted) {
  const ScriptedAgent agent([](const Request&) { return Reply{401, "", {}}; });
  const auto ended = ask(agent, {"info", "--json"});
  EXPECT_EQ(ended.status, 77);
  EXPECT_THAT(ended.errors + ended.output, Not(HasSubstr("the-token")));
}

TEST(ErrorsTest, AnAnswerThatIsCutOffIsAskedForOnceMoreWithTheSameKey) {
  std::atomic<int> calls = 0;
  std::atomic<int> dropped = 1;
  const ScriptedAgent agent([&](const Request&) {
    Reply reply{201, R"({"data":{"id":"t1","name":"ci","scopes":["read"],"secret":"s3"}})", {}};
    reply.drop = calls++ < dropped;
    return reply;
  });
  const std::vector<std::string> create{"token", "create", "--scope", "read", "--name", "ci"};
  EXPECT_EQ(ask(agent, create).status, 0);
  const auto sent = agent.requests("POST");
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].idempotency_key.size(), 24u);
  EXPECT_EQ(sent[0].idempotency_key, sent[1].idempotency_key);
  EXPECT_EQ(sent[0].body, sent[1].body);

  calls = 0;
  dropped = 2;
  EXPECT_EQ(ask(agent, create).status, 69) << "once, not for ever";
  EXPECT_EQ(agent.requests("POST").size(), 4u);
  EXPECT_NE(agent.requests("POST")[2].idempotency_key, sent[0].idempotency_key);

  calls = 0;
  dropped = 1;
  EXPECT_EQ(ask(agent, {"token", "revoke", "t1"}).status, 69) << "nothing says it happens once";
  EXPECT_EQ(agent.requests("DELETE").size(), 1u);
}

}  // namespace
}  // namespace restored::ctl_test
