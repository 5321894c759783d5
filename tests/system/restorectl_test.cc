// restorectl against the real agent: every verb, and that what it says is true of the data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "daemon_process.h"
#include "program_run.h"

namespace restored::system_test {
namespace {

using ctl_test::Ended;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class RestorectlSystemTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(daemon_.start()); }

  Ended ctl(const std::vector<std::string>& arguments) const {
    return ctl_test::run(arguments, {{"RESTORED_CONTROL", "unix:" + daemon_.socket()},
                                     {"RESTORED_TOKEN_FILE", daemon_.state() + "/admin.token"}});
  }
  // Runs it, expects success, returns what it printed.
  std::string said(const std::vector<std::string>& arguments) const {
    const auto ended = ctl(arguments);
    EXPECT_EQ(ended.status, 0) << arguments.at(0) << ": " << ended.errors << daemon_.log();
    return ended.output;
  }
  // The "data" of what it printed with --json.
  boost::json::value data(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    boost::json::error_code error;
    auto body = boost::json::parse(said(arguments), error);
    EXPECT_FALSE(error) << error.message();
    return body.is_object() ? body.as_object()["data"] : nullptr;
  }

  // Creates a database by restorectl; the password that its one connection string holds.
  std::string create(const std::string& name) const {
    return password_in(said({"database", "create", name}));
  }
  static std::string password_in(const std::string& output) {
    const auto at = output.find("redis://");
    EXPECT_NE(at, std::string::npos) << output;
    const auto begin = output.find(':', at + 8) + 1;
    return output.substr(begin, output.find('@', begin) - begin);
  }
  std::string newest_backup(const std::string& database) const {
    const auto list = data({"backup", "list", database});
    return std::string(list.at(0).at("id").as_string());
  }

  DaemonProcess daemon_;
};

TEST_F(RestorectlSystemTest, BacksUpRestoresAndUndoesUnderOneConnection) {
  RedisClient client(daemon_.port(), create("shop"));
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(client.load(seeded_pairs("old", 2000, 200, 1)));
  const auto old_content = client.content();
  ASSERT_TRUE(old_content);

  EXPECT_THAT(said({"backup", "create", "shop", "--name", "first", "--wait"}),
              HasSubstr("is complete"));
  const std::string backup = newest_backup("shop");
  EXPECT_THAT(said({"backup", "verify", backup, "--wait"}), HasSubstr("is whole"));
  EXPECT_THAT(said({"backup", "show", backup}), HasSubstr("first"));
  const std::string used = said({"database", "usage", "shop", "--to", "2999-01-01T00:00:00Z"});
  EXPECT_THAT(used, HasSubstr("T23:59:59.999Z"));
  EXPECT_THAT(used, HasSubstr(" GiB"));
  boost::json::error_code error;
  const auto manifest = boost::json::parse(said({"backup", "show", backup, "--manifest"}), error);
  EXPECT_FALSE(error);
  EXPECT_TRUE(manifest.is_object());

  ASSERT_TRUE(client.load(seeded_pairs("new", 500, 100, 2)));
  EXPECT_EQ(client.command({"DEL", "old1"}), "(integer) 1");
  const auto new_content = client.content();
  ASSERT_NE(new_content, old_content);

  EXPECT_THAT(said({"restore", "shop", "--backup", backup, "--validate"}),
              HasSubstr("would be accepted"));
  EXPECT_EQ(client.content(), new_content) << "validate touches nothing";
  const auto restored = ctl({"restore", "shop", "--backup", backup, "--confirm", "shop", "--wait"});
  EXPECT_EQ(restored.status, 0) << restored.errors << daemon_.log();
  EXPECT_THAT(restored.output, HasSubstr("now holds backup " + backup));
  const auto operations = boost::json::parse(said({"operation", "list", "--json"}));
  const std::string operation(operations.at("data").at(0).at("id").as_string());
  EXPECT_THAT(said({"operation", "watch", operation}), HasSubstr("now holds backup " + backup));
  EXPECT_EQ(client.content(), old_content);

  EXPECT_THAT(said({"undo", "shop", "--confirm", "shop", "--wait"}), HasSubstr("previous content"));
  EXPECT_EQ(client.content(), new_content);
}

// The rows that a restore by the agent gave, against what zstd and RocksDB alone make of the
// backup.
TEST_F(RestorectlSystemTest, ADeepVerificationAgreesWithARestoreAndTellsADifference) {
  RedisClient client(daemon_.port(), create("shop"));
  ASSERT_TRUE(client.load(seeded_pairs("k", 1500, 200, 5)));
  said({"backup", "create", "shop", "--wait"});
  ASSERT_TRUE(client.load(seeded_pairs("k", 700, 150, 6)));
  EXPECT_EQ(client.command({"DEL", "k1499", "k3"}), "(integer) 2");
  EXPECT_EQ(client.command({"SET", "short", "lived", "PX", "1"}), "OK");
  said({"backup", "create", "shop", "--wait"});
  const std::string backup = newest_backup("shop");
  const std::vector<std::string> deep = {"backup",       "verify",
                                         backup,         "--deep",
                                         "--repository", "file://" + daemon_.repository(),
                                         "--scratch",    daemon_.state()};
  std::vector<std::string> against = deep;
  against.insert(against.end(), {"--against", "shop"});

  said({"restore", "shop", "--backup", backup, "--confirm", "shop", "--wait"});
  EXPECT_THAT(said(against), HasSubstr(": equal"));
  const auto read = data(deep);
  EXPECT_EQ(read.at("rows").to_number<int>(), 1499) << "with the one that has expired";
  const auto compared = data(against);
  EXPECT_TRUE(compared.at("equal").as_bool());
  EXPECT_EQ(compared.at("live").at("rows").to_number<int>(), 1498);
  EXPECT_EQ(compared.at("hash"), read.at("hash"));

  EXPECT_EQ(client.command({"SET", "k7", "another value"}), "OK");
  const auto differs = ctl(against);
  EXPECT_EQ(differs.status, 65);
  EXPECT_THAT(differs.output, HasSubstr(": DIFFERENT"));
  EXPECT_THAT(differs.errors, HasSubstr("1498 rows"));

  ASSERT_EQ(daemon_.stop(), 0);
  EXPECT_EQ(data(deep), read) << "no agent is needed, and the repository is as it was";
  for (const auto& entry : std::filesystem::directory_iterator(daemon_.state()))
    EXPECT_THAT(entry.path().string(), Not(HasSubstr("restored-deep-")));
  EXPECT_EQ(ctl(against).status, 69);
  EXPECT_EQ(ctl({"backup", "verify", backup, "--deep", "--fast"}).status, 64);
  EXPECT_EQ(ctl({"backup", "verify", backup, "--against", "shop"}).status, 64);
}

TEST_F(RestorectlSystemTest, ARestoreIntoANewDatabaseHasTheBackupsContent) {
  RedisClient client(daemon_.port(), create("shop"));
  ASSERT_TRUE(client.load(seeded_pairs("k", 300, 100, 3)));
  said({"backup", "create", "shop", "--wait"});
  const std::string backup = newest_backup("shop");

  const std::string made = said({"database", "create", "copy", "--from-backup", backup, "--wait"});
  EXPECT_THAT(made, HasSubstr("holds backup " + backup));
  EXPECT_THAT(made, Not(HasSubstr("undo"))) << "it would empty the new database";
  RedisClient copy(daemon_.port(), password_in(made));
  EXPECT_EQ(copy.content(), client.content());
  EXPECT_THAT(said({"database", "list"}), HasSubstr(backup));
}

TEST_F(RestorectlSystemTest, AnotherDatabasesBackupWantsItsSource) {
  RedisClient shop(daemon_.port(), create("shop"));
  RedisClient stage(daemon_.port(), create("stage"));
  ASSERT_TRUE(shop.load(seeded_pairs("k", 50, 100, 4)));
  said({"backup", "create", "shop", "--wait"});
  const std::string backup = newest_backup("shop");

  const auto refused = ctl({"restore", "stage", "--backup", backup, "--confirm", "stage"});
  EXPECT_EQ(refused.status, 66);
  EXPECT_THAT(refused.errors, HasSubstr("needs --source DATABASE"));
  EXPECT_EQ(stage.command({"DBSIZE"}), "(integer) 0");
  said(
      {"restore", "stage", "--backup", backup, "--source", "shop", "--confirm", "stage", "--wait"});
  EXPECT_EQ(stage.content(), shop.content());
}

TEST_F(RestorectlSystemTest, ConnectionsComeRotateAndGo) {
  create("shop");
  const std::string created = said({"connection", "create", "shop", "reports"});
  const std::string first = password_in(created);
  EXPECT_TRUE(RedisClient(daemon_.port(), first).ok());
  const auto list = data({"connection", "list", "shop"});
  ASSERT_EQ(list.as_array().size(), 2U);
  const std::string id(list.at(1).at("id").as_string());
  EXPECT_THAT(said({"connection", "list", "shop"}), HasSubstr("reports"));
  EXPECT_THAT(said({"connection", "list", "shop"}), Not(HasSubstr(first)));

  const std::string second = password_in(said({"connection", "rotate", id}));
  EXPECT_NE(first, second);
  EXPECT_FALSE(RedisClient(daemon_.port(), first).ok());
  EXPECT_TRUE(RedisClient(daemon_.port(), second).ok());
  said({"connection", "delete", id});
  EXPECT_FALSE(RedisClient(daemon_.port(), second).ok());
  EXPECT_EQ(ctl({"connection", "delete", id}).status, 66);
}

TEST_F(RestorectlSystemTest, ATokenDoesWhatItsScopeSays) {
  create("shop");
  const std::string created = said({"token", "create", "--scope", "read", "--name", "dashboard"});
  const std::string file = daemon_.state() + "/dashboard.token";
  std::ofstream(file) << created.substr(created.find('\n') + 1);
  EXPECT_THAT(said({"token", "list"}), HasSubstr("dashboard"));

  EXPECT_THAT(said({"database", "list", "--token-file", file}), HasSubstr("shop"));
  const auto refused = ctl({"database", "create", "other", "--token-file", file});
  EXPECT_EQ(refused.status, 77);
  EXPECT_THAT(refused.errors, HasSubstr("hint: "));

  const auto tokens = data({"token", "list"});
  for (const auto& token : tokens.as_array()) {
    if (token.at("name").as_string() != "dashboard") continue;
    said({"token", "revoke", std::string(token.at("id").as_string())});
  }
  EXPECT_EQ(ctl({"database", "list", "--token-file", file}).status, 77);
}

TEST_F(RestorectlSystemTest, ErrorsSayWhatToDo) {
  create("shop");
  const auto backup = ctl({"restore", "shop", "--backup", "no-such-backup", "--confirm", "shop"});
  EXPECT_EQ(backup.status, 66);
  EXPECT_THAT(backup.errors, StartsWith("error: "));
  EXPECT_THAT(backup.errors, HasSubstr("restorectl backup list shop"));
  EXPECT_EQ(ctl({"backup", "show", "no-such-backup"}).status, 66);
  EXPECT_EQ(ctl({"database", "show", "nobody"}).status, 66);
  EXPECT_EQ(ctl({"operation", "show", "no-such-operation"}).status, 66);
  const auto nothing = ctl({"undo", "shop", "--confirm", "shop"});
  EXPECT_EQ(nothing.status, 65) << nothing.errors;
  EXPECT_EQ(ctl({"connection", "create", "shop", "x"}).status, 64) << "names have 3 characters";
  daemon_.kill();
  EXPECT_EQ(ctl({"info"}).status, 69);
}

TEST_F(RestorectlSystemTest, OperationsAreListedShownAndNoLongerCancelled) {
  create("shop");
  const auto begun = ctl({"backup", "create", "shop"});
  EXPECT_EQ(begun.status, 0) << begun.errors;
  const auto at = begun.output.find("operation wait ");
  ASSERT_NE(at, std::string::npos) << begun.output;
  const auto begin = at + std::string("operation wait ").size();
  const std::string id = begun.output.substr(begin, begun.output.find('\n', begin) - begin);

  EXPECT_THAT(said({"operation", "wait", id, "--timeout", "60"}), HasSubstr("is complete"));
  EXPECT_THAT(said({"operation", "list"}), HasSubstr(id));
  EXPECT_THAT(said({"operation", "show", id}), HasSubstr("succeeded"));
  EXPECT_EQ(ctl({"operation", "cancel", id}).status, 65);
}

TEST_F(RestorectlSystemTest, DeletesOnlyWhatWasTypedTwice) {
  RedisClient client(daemon_.port(), create("shop"));
  ASSERT_TRUE(client.load(seeded_pairs("k", 10, 10, 5)));
  said({"backup", "create", "shop", "--wait"});
  const std::string backup = newest_backup("shop");
  EXPECT_EQ(ctl({"backup", "delete", backup}).status, 64);
  said({"backup", "delete", backup, "--confirm", backup});
  EXPECT_EQ(ctl({"backup", "show", backup}).status, 66);

  EXPECT_EQ(ctl({"database", "delete", "shop", "--confirm", "yes"}).status, 64);
  EXPECT_EQ(client.command({"DBSIZE"}), "(integer) 10");
  EXPECT_THAT(said({"database", "delete", "shop", "--confirm", "shop"}), HasSubstr("deleted"));
  EXPECT_EQ(ctl({"database", "show", "shop"}).status, 66);
}

TEST_F(RestorectlSystemTest, InfoNamesTheVersion) {
  EXPECT_THAT(said({"info"}), HasSubstr("version"));
  const auto info = data({"info"});
  EXPECT_TRUE(info.at("version").is_string());
}

}  // namespace
}  // namespace restored::system_test
