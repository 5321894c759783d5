// What each verb asks of the agent and what it prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "program_run.h"
#include "scripted_agent.h"

namespace restored::ctl_test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

const std::string shop_id = "db_shop00000000000000000001";

Ended ask(const ScriptedAgent& agent, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(),
                   {"--control", agent.control(), "--token-file", agent.token_file()});
  return run(arguments);
}

std::string database(const std::string& id, const std::string& name) {
  return R"({"id":")" + id + R"(","type":"database","name":")" + name +
         R"(","status":"ready","source":{"type":"empty"},"createdAt":"2026-11-22T00:00:00.000Z"})";
}

// Three databases on two pages, two of them of the same name; every POST is accepted.
Reply two_pages(const Request& request) {
  if (request.method == "POST") {
    return {200, R"({"data":{"id":"x"}})", {{"Operation-Location", "/v1/operations/op1"}}};
  }
  if (request.method == "DELETE") return {204, "", {}};
  if (request.target == "/v1/databases") {
    return {200,
            R"({"data":[)" + database("db_twin00000000000000000001", "twin") + "," +
                database("db_twin00000000000000000002", "twin") +
                R"(],"pagination":{"nextCursor":"a/b","hasMore":true}})",
            {}};
  }
  if (request.target == "/v1/databases?cursor=a%2Fb") {
    return {200,
            R"({"data":[)" + database(shop_id, "shop") +
                R"(],"pagination":{"nextCursor":null,"hasMore":false}})",
            {}};
  }
  return {200, R"({"data":)" + database(shop_id, "shop") + "}", {}};
}

TEST(VerbsTest, EveryVerbHasAHelpWithAnExample) {
  const std::vector<std::vector<std::string>> verbs = {{"database", "create"},
                                                       {"database", "list"},
                                                       {"database", "show"},
                                                       {"database", "delete"},
                                                       {"connection", "create"},
                                                       {"connection", "list"},
                                                       {"connection", "rotate"},
                                                       {"connection", "delete"},
                                                       {"backup", "create"},
                                                       {"backup", "list"},
                                                       {"backup", "show"},
                                                       {"backup", "verify"},
                                                       {"backup", "delete"},
                                                       {"restore"},
                                                       {"undo"},
                                                       {"operation", "list"},
                                                       {"operation", "show"},
                                                       {"operation", "wait"},
                                                       {"operation", "cancel"},
                                                       {"operation", "limit"},
                                                       {"repository", "check"},
                                                       {"repository", "collect"},
                                                       {"repository", "rekey"},
                                                       {"limit", "show"},
                                                       {"limit", "set"},
                                                       {"token", "create"},
                                                       {"token", "list"},
                                                       {"token", "revoke"},
                                                       {"info"}};
  for (auto verb : verbs) {
    std::string words = "restorectl";
    for (const auto& word : verb) words += " " + word;
    verb.emplace_back("--help");
    const auto ended = run(verb);
    EXPECT_EQ(ended.status, 0) << words;
    EXPECT_THAT(ended.output, HasSubstr("Example:\n  " + words));
  }
}

TEST(VerbsTest, AnIdIsTakenAsItIs) {
  const ScriptedAgent agent(two_pages);
  EXPECT_EQ(ask(agent, {"database", "show", shop_id}).status, 0);
  ASSERT_EQ(agent.requests().size(), 2U);
  EXPECT_EQ(agent.requests()[0].target, "/v1/databases/" + shop_id);
  EXPECT_EQ(agent.requests()[1].target, "/v1/databases/" + shop_id + "/restore/undo");
  EXPECT_EQ(agent.requests()[0].authorization, "Bearer the-token");
}

TEST(VerbsTest, ANameIsLookedForOnEveryPage) {
  const ScriptedAgent agent(two_pages);
  const auto ended = ask(agent, {"database", "show", "shop"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr(shop_id));
  EXPECT_EQ(agent.requests().at(2).target, "/v1/databases/" + shop_id);
}

TEST(VerbsTest, DatabaseShowTellsUntilWhenAnUndoIsPossible) {
  bool possible = true;
  const ScriptedAgent agent([&](const Request& request) {
    if (!request.target.ends_with("/undo")) return two_pages(request);
    if (possible) {
      return Reply{200, R"({"data":{"possible":true,"until":"2026-11-23T00:00:00.000Z"}})", {}};
    }
    return Reply{404, R"({"error":{"code":"resource-not-found","message":"no path"}})", {}};
  });
  EXPECT_THAT(ask(agent, {"database", "show", shop_id}).output,
              HasSubstr("undo          possible until 2026-11-23T00:00:00.000Z\n"));
  possible = false;
  const auto older = ask(agent, {"database", "show", shop_id});
  EXPECT_EQ(older.status, 0) << "an agent that does not know the path";
  EXPECT_THAT(older.output, Not(HasSubstr("undo")));
}

TEST(VerbsTest, AnAmbiguousNameIsRefusedWithItsIds) {
  const ScriptedAgent agent(two_pages);
  const auto ended = ask(agent, {"backup", "create", "twin"});
  EXPECT_EQ(ended.status, 64);
  EXPECT_THAT(ended.errors,
              HasSubstr("db_twin00000000000000000001 or db_twin00000000000000000002"));
  EXPECT_TRUE(agent.requests("POST").empty());
}

TEST(VerbsTest, AnUnknownNameIsNotFound) {
  const ScriptedAgent agent(two_pages);
  const auto ended = ask(agent, {"database", "show", "shop2"});
  EXPECT_EQ(ended.status, 66);
  EXPECT_THAT(ended.errors, HasSubstr("no database has the name or id \"shop2\""));
}

TEST(VerbsTest, ListsAreAlignedTables) {
  const ScriptedAgent agent(two_pages);
  const auto ended = ask(agent, {"database", "list"});
  EXPECT_EQ(ended.output,
            "ID                           NAME  STATUS  CONTENT FROM  CREATED\n"
            "db_twin00000000000000000001  twin  ready   empty         2026-11-22T00:00:00.000Z\n"
            "db_twin00000000000000000002  twin  ready   empty         2026-11-22T00:00:00.000Z\n"
            "db_shop00000000000000000001  shop  ready   empty         2026-11-22T00:00:00.000Z\n");
}

TEST(VerbsTest, JsonPrintsTheAgentsBodyUnchanged) {
  const std::string body = "{ \"data\" :\n [ ], \"pagination\":{\"nextCursor\":null} }";
  const ScriptedAgent agent([&](const Request&) { return Reply{200, body, {}}; });
  for (const char* group : {"database", "operation", "token"}) {
    EXPECT_EQ(ask(agent, {group, "list", "--json"}).output, body + "\n") << group;
  }
  EXPECT_EQ(ask(agent, {"--json", "info"}).output, body + "\n");
}

TEST(VerbsTest, ANameCannotSteerTheTerminal) {
  const ScriptedAgent agent([](const Request&) {
    return Reply{200, R"({"data":[)" + database(shop_id, "\\u001b[2J\\u0007evil") + "]}", {}};
  });
  const auto ended = ask(agent, {"database", "list"});
  EXPECT_THAT(ended.output, HasSubstr("?[2J?evil"));
  EXPECT_THAT(ended.output, Not(HasSubstr("\x1b")));
}

TEST(VerbsTest, IdsAreEncodedInPaths) {
  const ScriptedAgent agent(two_pages);
  ask(agent, {"operation", "show", "../v1/tokens?x=%41"});
  EXPECT_EQ(agent.requests().at(0).target, "/v1/operations/..%2Fv1%2Ftokens%3Fx%3D%2541");
}

TEST(VerbsTest, RestoreSendsTheContractsBody) {
  const ScriptedAgent agent(two_pages);
  const auto ended = ask(agent, {"restore", "shop", "--backup", "b1", "--confirm", "shop"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  ASSERT_EQ(agent.requests("POST").size(), 1U);
  const auto post = agent.requests("POST")[0];
  EXPECT_EQ(post.target, "/v1/databases/" + shop_id + "/restore");
  EXPECT_EQ(post.body,
            R"({"source":{"type":"backup","databaseId":")" + shop_id + R"(","backupId":"b1"}})");
  EXPECT_THAT(ended.output, HasSubstr("restorectl operation wait op1"));
  EXPECT_THAT(ended.output, HasSubstr("restorectl operation cancel op1"));
}

TEST(VerbsTest, RestoreNamesAnotherSource) {
  const ScriptedAgent agent(two_pages);
  const std::string other = "db_twin00000000000000000002";
  ask(agent, {"restore", shop_id, "--backup", "b1", "--source", other, "--confirm", shop_id});
  ASSERT_EQ(agent.requests("POST").size(), 1U);
  EXPECT_THAT(agent.requests("POST")[0].body, HasSubstr(R"("databaseId":")" + other + "\""));
}

TEST(VerbsTest, ValidateTouchesNothingAndWantsNoConfirmation) {
  const ScriptedAgent agent([](const Request&) {
    return Reply{
        200, R"({"data":{"stagingBytes":1610612736,"backup":{"id":"b1","entries":7}}})", {}};
  });
  const auto ended = ask(agent, {"restore", shop_id, "--backup", "b1", "--validate"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  ASSERT_EQ(agent.requests().size(), 1U);
  EXPECT_EQ(agent.requests()[0].target, "/v1/databases/" + shop_id + "/restore/validate");
  EXPECT_THAT(ended.output, HasSubstr("\nbackup        b1\n"));
  EXPECT_THAT(ended.output, HasSubstr("\nneeds         1.5 GiB\n"));
}

TEST(VerbsTest, DestructiveVerbsWantTheirTargetTyped) {
  const ScriptedAgent agent(two_pages);
  const std::vector<std::vector<std::string>> verbs = {
      {"restore", "shop", "--backup", "b"}, {"undo", "shop"}, {"database", "delete", "shop"}};
  for (const auto& verb : verbs) {
    const auto missing = ask(agent, verb);
    EXPECT_EQ(missing.status, 64) << verb[0];
    EXPECT_THAT(missing.errors, HasSubstr("hint: Type --confirm shop.")) << verb[0];
    auto mismatch = verb;
    mismatch.insert(mismatch.end(), {"--confirm", "yes"});
    const auto other = ask(agent, mismatch);
    EXPECT_EQ(other.status, 64) << verb[0];
    EXPECT_THAT(other.errors, HasSubstr("\"yes\" was typed, but the target is shop")) << verb[0];
  }
  const auto backup = ask(agent, {"backup", "delete", "b1", "--confirm", "b2"});
  EXPECT_EQ(backup.status, 64);
  EXPECT_TRUE(agent.requests("POST").empty());
  EXPECT_TRUE(agent.requests("DELETE").empty());
}

TEST(VerbsTest, TheIdConfirmsWithAndWithoutItsPrefix) {
  const ScriptedAgent agent(two_pages);
  for (const std::string& typed : {std::string("shop"), shop_id, shop_id.substr(3)}) {
    EXPECT_EQ(ask(agent, {"undo", "shop", "--confirm", typed}).status, 0) << typed;
  }
  ASSERT_EQ(agent.requests("POST").size(), 3U);
  EXPECT_EQ(agent.requests("POST")[0].target, "/v1/databases/" + shop_id + "/restore/undo");
}

TEST(VerbsTest, ATerminalIsAskedForTheTarget) {
  const ScriptedAgent agent(two_pages);
  const std::vector<std::string> verb = {"database",        "delete",        "shop",
                                         "--control",       agent.control(), "--token-file",
                                         agent.token_file()};
  const auto refused = run_on_terminal(verb, "to go on: ", "y\n");
  EXPECT_EQ(refused.status, 64) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("Type shop to go on"));
  EXPECT_TRUE(agent.requests("DELETE").empty());
  const auto confirmed = run_on_terminal(verb, "to go on: ", "shop\n");
  EXPECT_EQ(confirmed.status, 0) << confirmed.output;
  ASSERT_EQ(agent.requests("DELETE").size(), 1U);
  EXPECT_EQ(agent.requests("DELETE")[0].target, "/v1/databases/" + shop_id);
}

TEST(VerbsTest, ConnectionStringsAreTheLastLine) {
  const std::string string = "redis://abc:secret@127.0.0.1:6379";
  const ScriptedAgent agent([&](const Request&) {
    return Reply{200,
                 R"({"data":{"id":"con_abc","name":"web","endpoints":{"direct":)"
                 R"({"host":"127.0.0.1","port":6379,"connectionString":")" +
                     string + R"("}}}})",
                 {}};
  });
  const auto created = ask(agent, {"connection", "create", shop_id, "web"});
  EXPECT_THAT(created.output, EndsWith("\n" + string + "\n"));
  EXPECT_EQ(agent.requests()[0].target, "/v1/databases/" + shop_id + "/connections");
  EXPECT_EQ(agent.requests()[0].body, R"({"name":"web"})");
  const auto rotated = ask(agent, {"connection", "rotate", "con_abc"});
  EXPECT_THAT(rotated.output, EndsWith("\n" + string + "\n"));
  EXPECT_EQ(agent.requests()[1].target, "/v1/connections/con_abc/rotate");
}

TEST(VerbsTest, DatabaseCreateFindsTheBackupsOwnDatabase) {
  const ScriptedAgent agent([](const Request& request) {
    if (request.method == "GET") {
      return Reply{200, R"({"data":{"id":"b1","databaseId":"db_origin"}})", {}};
    }
    return Reply{201, R"({"data":{"id":"db_new","name":"copy","status":"recovering"}})", {}};
  });
  const auto ended = ask(agent, {"database", "create", "copy", "--from-backup", "b1"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_EQ(agent.requests().at(0).target, "/v1/backups/b1");
  EXPECT_EQ(agent.requests().at(1).body,
            R"({"name":"copy","projectId":"default","source":)"
            R"({"type":"backup","databaseId":"db_origin","backupId":"b1"}})");
}

TEST(VerbsTest, TokensTakeScopesWithCommas) {
  const ScriptedAgent agent([](const Request&) {
    return Reply{
        201, R"({"data":{"id":"t1","name":"ci","scopes":["read","restore"],"secret":"s3"}})", {}};
  });
  const auto ended = ask(agent, {"token", "create", "--scope", "read,restore", "--name", "ci"});
  EXPECT_EQ(agent.requests().at(0).body, R"({"name":"ci","scopes":["read","restore"]})");
  EXPECT_THAT(ended.output, EndsWith("(read,restore) created; it is shown this once:\ns3\n"));
}

TEST(VerbsTest, EveryVerbHasItsPath) {
  const ScriptedAgent agent(two_pages);
  const std::vector<std::pair<std::vector<std::string>, std::string>> verbs = {
      {{"connection", "list", shop_id}, "GET /v1/databases/" + shop_id + "/connections"},
      {{"connection", "delete", "con_a"}, "DELETE /v1/connections/con_a"},
      {{"backup", "create", shop_id, "--name", "n"}, "POST /v1/databases/" + shop_id + "/backups"},
      {{"backup", "list", shop_id, "--limit", "5"},
       "GET /v1/databases/" + shop_id + "/backups?limit=5"},
      {{"backup", "show", "b1"}, "GET /v1/backups/b1"},
      {{"backup", "show", "b1", "--manifest"}, "GET /v1/backups/b1/manifest"},
      {{"backup", "verify", "b1"}, "POST /v1/backups/b1/verify"},
      {{"backup", "verify", "b1", "--fast"}, "POST /v1/backups/b1/verify"},
      {{"repository", "collect"}, "POST /v1/repository/collect"},
      {{"repository", "rekey"}, "POST /v1/repository/rekey"},
      {{"backup", "delete", "b1", "--confirm", "b1"}, "DELETE /v1/backups/b1"},
      {{"operation", "list"}, "GET /v1/operations"},
      {{"operation", "show", "o1"}, "GET /v1/operations/o1"},
      {{"operation", "cancel", "o1"}, "DELETE /v1/operations/o1"},
      {{"operation", "limit", "o1", "50MiB"}, "PATCH /v1/operations/o1"},
      {{"limit", "show"}, "GET /v1/limits"},
      {{"limit", "set", "none"}, "PATCH /v1/limits"},
      {{"token", "list"}, "GET /v1/tokens"},
      {{"token", "revoke", "t1"}, "DELETE /v1/tokens/t1"},
      {{"info"}, "GET /v1/info"}};
  for (const auto& [verb, expected] : verbs) {
    ask(agent, verb);
    const auto last = agent.requests().back();
    EXPECT_EQ(last.method + " " + last.target, expected);
  }
}

TEST(VerbsTest, AFastVerificationAndADryRunSaySo) {
  const ScriptedAgent agent([](const Request& request) {
    if (request.target.ends_with("/verify")) return two_pages(request);
    return Reply{
        200,
        R"({"data":{"dryRun":true,"backups":3,"backupsUnreadable":2,"objects":40,"objectsUnreferenced":9,)"
        R"("objectsYoung":2,"objectsRemoved":7,"bytesRemoved":1048576,"failed":1,)"
        R"("seconds":1.5}})",
        {}};
  });
  ask(agent, {"backup", "verify", "b1", "--fast"});
  EXPECT_EQ(agent.requests().back().body, R"({"fast":true})");
  const auto dry = ask(agent, {"repository", "collect", "--dry-run"});
  EXPECT_EQ(agent.requests().back().body, R"({"dryRun":true})");
  EXPECT_THAT(dry.output, HasSubstr("would remove 7 of 40 objects, 1.0 MiB, in 1.5 s\n"));
  EXPECT_THAT(dry.output, HasSubstr("\nkept as young  2\n"));
  EXPECT_THAT(dry.output, HasSubstr("1 could not be removed"));
  EXPECT_THAT(dry.output, HasSubstr("\nno object goes while 2 of the backups cannot be read"));
  ask(agent, {"repository", "collect"});
  EXPECT_EQ(agent.requests().back().body, "{}");
}

TEST(VerbsTest, ARekeySaysWhatOtherKeysStillOpen) {
  const ScriptedAgent agent([](const Request&) {
    return Reply{200,
                 R"({"data":{"key":"ab12","dataKeys":3,"wrapped":2,"removed":1,"foreign":4,)"
                 R"("unopened":1}})",
                 {}};
  });
  const auto done = ask(agent, {"repository", "rekey", "--keep-previous"});
  EXPECT_EQ(agent.requests().back().body, R"({"keepPrevious":true})");
  EXPECT_THAT(done.output, HasSubstr("ab12\n"));
  EXPECT_THAT(done.output, HasSubstr("4 of other keys stay"));
  EXPECT_THAT(done.output, HasSubstr("1 of the data keys open with no key"));
  ask(agent, {"repository", "rekey"});
  EXPECT_EQ(agent.requests().back().body, "{}");
}

TEST(VerbsTest, FlagsGoOverTheEnvironment) {
  const ScriptedAgent agent(two_pages);
  const std::string other = agent.directory() + "/other";
  std::ofstream(other) << "  other-token  \n";
  const Environment environment = {{"RESTORED_CONTROL", agent.control()},
                                   {"RESTORED_TOKEN_FILE", other}};
  EXPECT_EQ(run({"info"}, environment).status, 0);
  EXPECT_EQ(run({"info", "--token-file", agent.token_file()}, environment).status, 0);
  EXPECT_EQ(run({"info", "--control", "unix:/nowhere/s"}, environment).status, 69);
  ASSERT_EQ(agent.requests().size(), 2U);
  EXPECT_EQ(agent.requests()[0].authorization, "Bearer other-token");
  EXPECT_EQ(agent.requests()[1].authorization, "Bearer the-token");
}

TEST(VerbsTest, SpeaksTcpAsWell) {
  const ScriptedAgent agent(two_pages);
  const auto ended =
      run({"info", "--control", agent.tcp_control(), "--token-file", agent.token_file()});
  EXPECT_EQ(ended.status, 0) << ended.errors;
}

TEST(VerbsTest, AFullStandardOutputIsAnError) {
  const ScriptedAgent agent(two_pages);
  const auto ended =
      run({"info"},
          {{"RESTORED_CONTROL", agent.control()}, {"RESTORED_TOKEN_FILE", agent.token_file()}},
          "/dev/full");
  EXPECT_EQ(ended.status, 74);
  EXPECT_THAT(ended.errors, HasSubstr("cannot write to standard output"));
}

}  // namespace
}  // namespace restored::ctl_test
