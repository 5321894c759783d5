// No secret is where others see it: the real agent, logging all it can, through everything that has
// to do with tokens and passwords; then a look for each of them where logs, other users, backups of
// the state directory and core dumps would have it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "daemon_process.h"

namespace restored::system_test {
namespace {

namespace fs = std::filesystem;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

mode_t mode_of(const std::string& path) {
  struct stat facts{};
  return ::lstat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777 : 0;
}

// Every secret by a name for messages.
using Secrets = std::map<std::string, std::string>;

// Whatever makes, shows, uses, changes and ends tokens and passwords.
Secrets use_secrets(const DaemonProcess& daemon) {
  Secrets secrets;
  secrets["the administrator's token"] = daemon.token();
  const TestDatabase database = create_database(daemon, "shop");
  secrets["the first password"] = database.password;
  RedisClient client(daemon.port(), database.password);
  EXPECT_EQ(client.command({"SET", "a", "1"}), "OK");
  EXPECT_NE(client.command({"AUTH", "default", "WrongPassword-0123456789"}), "OK");
  EXPECT_EQ(client.command({"AUTH", database.password}), "OK");
  EXPECT_EQ(client.command({"MULTI"}), "OK");
  client.command({"AUTH", "default", database.password});
  client.command({"EXEC"});
  client.command({"NOSUCHCOMMAND", database.password});
  secrets["a wrong password"] = "WrongPassword-0123456789";

  const HttpAnswer added =
      http(daemon, "POST", "/v1/databases/" + database.id + "/connections", R"({"name":"app"})");
  secrets["a password"] = password_of(added.at("data.endpoints.direct.connectionString"));
  const HttpAnswer rotated =
      http(daemon, "POST", "/v1/connections/" + added.at("data.id") + "/rotate");
  secrets["a rotated password"] = password_of(rotated.at("data.endpoints.direct.connectionString"));
  const HttpAnswer token = http(daemon, "POST", "/v1/tokens", R"({"name":"ci","scopes":["read"]})");
  secrets["a token"] = token.at("data.secret");
  EXPECT_EQ(http(daemon, "DELETE", "/v1/tokens/" + token.at("data.id")).status, 204);
  secrets["a wrong token"] = "WrongToken-0123456789";
  http(daemon, "GET", "/v1/databases?token=x", "", {"X-Request-Id: WrongToken-0123456789 x"});
  // In a body that is refused, and for a path and a name, where nobody should put one.
  http(daemon, "POST", "/v1/databases", R"({"name":"x", "password":")" + database.password);
  EXPECT_EQ(http(daemon, "GET", "/v1/connections/" + added.at("data.id")).status, 200);

  const std::string backup = create_backup(daemon, database.id);
  EXPECT_EQ(restore(daemon, database.id, backup).at("status"), "succeeded");
  EXPECT_EQ(client.command({"GET", "a"}), "1") << "the connection is still the one that it was";
  return secrets;
}

class SecretsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    rlimit core{};  // the host lets it make as large ones as it will
    ASSERT_EQ(::getrlimit(RLIMIT_CORE, &core), 0);
    core.rlim_cur = core.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_CORE, &core), 0);
    daemon_.configure("log_level = \"debug\"\n");
    ASSERT_TRUE(daemon_.start());
  }
  void expect_nowhere(const std::string& text, const Secrets& secrets, const std::string& where) {
    for (const auto& [name, secret] : secrets) {
      ASSERT_GE(secret.size(), 16u) << name;
      EXPECT_EQ(text.find(secret), std::string::npos) << name << " stands in " << where;
    }
  }

  DaemonProcess daemon_;
};

TEST_F(SecretsTest, NoneIsInLogsArgumentsEnvironmentOrState) {
  const Secrets secrets = use_secrets(daemon_);
  const std::string process = "/proc/" + std::to_string(daemon_.pid());
  expect_nowhere(bytes_of(process + "/cmdline"), secrets, "the command line");
  expect_nowhere(bytes_of(process + "/environ"), secrets, "the environment");
  expect_nowhere(http(daemon_, "GET", "/v1/info").text, secrets, "what it tells of itself");
  expect_nowhere(http(daemon_, "GET", "/v1/operations").text, secrets, "its operations");
  ASSERT_EQ(daemon_.stop(), 0);
  ASSERT_FALSE(daemon_.log().empty());
  expect_nowhere(daemon_.log(), secrets, "the log");

  // The administrator's token has its file, and every other file is searched.
  std::size_t searched = 0;
  for (const std::string& root : {daemon_.state(), daemon_.repository()}) {
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
      if (!entry.is_regular_file() || entry.path().filename() == "admin.token") continue;
      expect_nowhere(bytes_of(entry.path()), secrets, entry.path());
      ++searched;
    }
  }
  EXPECT_GT(searched, 10u);
}

TEST_F(SecretsTest, WhatItWritesIsItsOwnersAlone) {
  use_secrets(daemon_);
  EXPECT_EQ(mode_of(daemon_.state()), 0700u);
  EXPECT_EQ(mode_of(daemon_.state() + "/admin.token"), 0600u);
  EXPECT_EQ(mode_of(daemon_.socket()), 0660u);
  for (const auto& entry : fs::recursive_directory_iterator(daemon_.state())) {
    EXPECT_EQ(mode_of(entry.path()) & 077, 0u) << entry.path();
  }
}

TEST_F(SecretsTest, ACrashLeavesNoCore) {
  std::ifstream limits("/proc/" + std::to_string(daemon_.pid()) + "/limits");
  std::string core;
  for (std::string line; std::getline(limits, line);) {
    if (line.starts_with("Max core file size")) core = line;
  }
  EXPECT_EQ(core.find("unlimited"), std::string::npos) << core;
  ::kill(daemon_.pid(), SIGSEGV);
  const auto status = daemon_.wait_exit(std::chrono::seconds(30));
  ASSERT_TRUE(status && WIFSIGNALED(*status));
  EXPECT_FALSE(WCOREDUMP(*status));
}

TEST_F(SecretsTest, AStateThatOthersCouldReadIsClosedAndTheLogSaysSo) {
  ASSERT_EQ(daemon_.stop(), 0);
  const std::string token = daemon_.state() + "/admin.token";
  fs::permissions(daemon_.state(), fs::perms(0755));
  fs::permissions(token, fs::perms(0644));
  ASSERT_TRUE(daemon_.start());
  EXPECT_EQ(mode_of(daemon_.state()), 0700u);
  EXPECT_EQ(mode_of(token), 0600u);
  EXPECT_NE(daemon_.log().find("was open to other users (mode 0755)"), std::string::npos);
  EXPECT_EQ(http(daemon_, "GET", "/v1/tokens").status, 200);
  EXPECT_EQ(daemon_.stop(), 0);
}

TEST_F(SecretsTest, AStateOfAnotherUserIsRefusedWithTheRemedy) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a directory away";
  ASSERT_EQ(daemon_.stop(), 0);
  ASSERT_EQ(::chown(daemon_.state().c_str(), 65534, 65534), 0);
  daemon_.launch();
  const auto status = daemon_.wait_exit(std::chrono::seconds(30));
  ASSERT_TRUE(status && WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 77);
  EXPECT_NE(daemon_.log().find("belongs to user 65534, and the agent runs as 0"),
            std::string::npos);
  EXPECT_NE(daemon_.log().find("hint: Run the agent as the directory's user"), std::string::npos);
}

}  // namespace
}  // namespace restored::system_test
