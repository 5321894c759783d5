// The start of the real agent: the administrator's token, and what it says when it cannot start.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "daemon_process.h"
#include "support/wait_until.h"

namespace restored::system_test {
namespace {

constexpr std::chrono::seconds patience{60};

// Starts it and waits until it killed itself at the place.
void die_at(DaemonProcess& daemon, const std::string& place) {
  daemon.set_environment("RESTORED_KILL_POINT", place);
  daemon.launch();
  const auto status = daemon.wait_exit(patience);
  ASSERT_TRUE(status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGKILL)
      << place << " was not reached\n"
      << daemon.log();
  daemon.set_environment("RESTORED_KILL_POINT", "");
}

class AdminTokenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(AdminTokenTest, AFirstStartThatWasKilledIsMadeUpForByTheNext) {
  DaemonProcess daemon;
  die_at(daemon, GetParam());
  ASSERT_TRUE(daemon.start());
  EXPECT_EQ(http(daemon, "GET", "/v1/tokens").status, 200) << "the file holds a token that counts";
  EXPECT_FALSE(std::filesystem::exists(daemon.state() + "/admin.token.new"));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST_P(AdminTokenTest, ARenewalThatWasKilledLeavesATokenThatCounts) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.start());
  ASSERT_EQ(daemon.stop(), 0);
  const std::string before = daemon.token();
  DaemonProcess::Options renewing;
  renewing.state = daemon.state();
  renewing.arguments = {"--new-admin-token"};
  DaemonProcess again(renewing);
  die_at(again, GetParam());
  ASSERT_TRUE(daemon.start());
  EXPECT_EQ(http(daemon, "GET", "/v1/tokens").status, 200);
  EXPECT_FALSE(std::filesystem::exists(daemon.state() + "/admin.token.new"))
      << "a secret lies about";
  EXPECT_EQ(daemon.stop(), 0);

  ASSERT_TRUE(again.start());
  const HttpAnswer tokens = http(again, "GET", "/v1/tokens");
  ASSERT_EQ(tokens.status, 200);
  EXPECT_EQ(tokens.find("data")->as_array().size(), 1U) << "no older one is left";
  EXPECT_NE(again.token(), before);
}

INSTANTIATE_TEST_SUITE_P(AtEachStep, AdminTokenTest,
                         ::testing::Values("agent.token.before-rename", "agent.token.after-file",
                                           "agent.token.after-record"),
                         [](const auto& place) {
                           if (place.param.ends_with("rename")) return "BeforeTheRename";
                           return place.param.ends_with("file") ? "AfterTheFile" : "AfterTheRecord";
                         });

TEST(StartTest, SecretsOfTheEnvironmentAreWipedFromIt) {
  DaemonProcess daemon;
  daemon.set_environment("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  daemon.set_environment("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI");
  daemon.set_environment("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2Vj");
  ASSERT_TRUE(daemon.start());
  std::ifstream file("/proc/" + std::to_string(daemon.pid()) + "/environ", std::ios::binary);
  const std::string environment{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(environment.find("AWS_ACCESS_KEY_ID=AKIDEXAMPLE"), std::string::npos)
      << "it is its environment that was read";
  EXPECT_EQ(environment.find("wJalrXUtnFEMI"), std::string::npos);
  EXPECT_EQ(environment.find("IQoJb3JpZ2luX2Vj"), std::string::npos);
  EXPECT_EQ(http(daemon, "GET", "/v1/info").text.find("wJalrXUtnFEMI"), std::string::npos);
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_EQ(daemon.log().find("wJalrXUtnFEMI"), std::string::npos);
}

// The thread is there because of our options: so they are in force too.
TEST(StartTest, WhatIsFreeInItsHeapIsGivenBackBehindIt) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the heap is the sanitizer's";
#endif
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.start());
  const std::string tasks = "/proc/" + std::to_string(daemon.pid()) + "/task";
  EXPECT_TRUE(test::wait_until([&] {
    return std::ranges::any_of(std::filesystem::directory_iterator(tasks), [](const auto& task) {
      std::ifstream comm(task.path() / "comm");
      std::string name;
      return std::getline(comm, name) && name == "jemalloc_bg_thd";
    });
  }));
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(StartTest, ItsDefaultsAreEnoughForABackupAndTheNextStart) {
  DaemonProcess::Options options;
  options.default_repository = true;
  DaemonProcess daemon(options);
  ASSERT_TRUE(daemon.start());
  EXPECT_FALSE(create_backup(daemon, create_database(daemon, "shop").id).empty());
  ASSERT_EQ(daemon.stop(), 0);
  ASSERT_TRUE(daemon.start());
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(StartTest, AConfigurationThatIsNotThereEndsItWithTheReasonAndTheRemedy) {
  DaemonProcess::Options options;
  options.arguments = {"--config", "/nowhere/restored.toml"};
  DaemonProcess daemon(options);
  daemon.launch();
  const auto status = daemon.wait_exit(patience);
  ASSERT_TRUE(status && WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 66);
  EXPECT_EQ(daemon.log(),
            "restored: cannot read /nowhere/restored.toml: No such file or directory\n"
            "hint: Write the file, or leave --config out: everything has a default.\n");
}

// A repository that is not mounted.
TEST(StartTest, AnEmptyPlaceWhereTheRepositoryWasIsRefusedAndTriedAgain) {
  DaemonProcess daemon;
  ASSERT_TRUE(daemon.start());
  ASSERT_EQ(daemon.stop(), 0);
  const std::string away = daemon.repository() + ".away";
  std::filesystem::rename(daemon.repository(), away);
  daemon.launch();
  const auto status = daemon.wait_exit(patience);
  ASSERT_TRUE(status && WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 69) << "not among those after which the unit gives up";
  EXPECT_NE(daemon.log().find("hint: Mount the repository's file system."), std::string::npos)
      << daemon.log();
  std::filesystem::remove_all(daemon.repository());
  std::filesystem::rename(away, daemon.repository());
  ASSERT_TRUE(daemon.start());
  EXPECT_EQ(daemon.stop(), 0);
}

TEST(StartTest, MoreThreadsThanAnyHostHasAreRefused) {
  DaemonProcess daemon;
  daemon.configure("[engine]\ndecode_threads = 4000000000\n");
  daemon.launch();
  const auto status = daemon.wait_exit(patience);
  ASSERT_TRUE(status && WIFEXITED(*status));
  EXPECT_EQ(WEXITSTATUS(*status), 78);
  EXPECT_EQ(daemon.log(), "restored: engine.decode_threads must be at most 256 (0: one a core)\n");
}

}  // namespace
}  // namespace restored::system_test
