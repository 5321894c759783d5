#include "store/environment.h"

#include <gtest/gtest.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "fake_environment.h"
#include "store/credentials.h"
#include "support/temporary_directory.h"

namespace restored::store {
namespace {

constexpr const char* marker = "RESTORED_ENVIRONMENT_TEST";

bool environment_block_has(std::string_view text) {
  return test::read_whole_file("/proc/self/environ").find(text) != std::string::npos;
}

// Only a process that began with the secret has it where /proc/PID/environ looks.
TEST(EnvironmentTest, ChildForgetsItsSecrets) {
  if (::getenv(marker) == nullptr) GTEST_SKIP() << "run by ForgottenSecretsAreOnlyOurs";
  ASSERT_TRUE(environment_block_has("wJalrXUtnFEMI"));
  ASSERT_TRUE(environment_block_has("the-session-token"));
  forget_environment_secrets();
  EXPECT_FALSE(environment_block_has("wJalrXUtnFEMI"));
  EXPECT_FALSE(environment_block_has("the-session-token"));
  EXPECT_EQ(::getenv("AWS_SECRET_ACCESS_KEY"), nullptr);
  EXPECT_EQ(::getenv("AWS_SESSION_TOKEN"), nullptr);
  EXPECT_STREQ(::getenv("AWS_ACCESS_KEY_ID"), "AKIDEXAMPLE");
  // Whoever asks us still gets them, now and after a second call.
  forget_environment_secrets();
  const auto source = CredentialsSource::open({}, process_environment(), system_clock());
  ASSERT_TRUE(source.has_value()) << source.error().message;
  const auto credentials = (*source)->get({});
  EXPECT_EQ((*credentials)->access_key_id, "AKIDEXAMPLE");
  EXPECT_EQ((*credentials)->secret_access_key.view(), "wJalrXUtnFEMI");
  EXPECT_EQ((*credentials)->session_token.view(), "the-session-token");
}

TEST(EnvironmentTest, ForgottenSecretsAreOnlyOurs) {
  std::vector<std::string> variables = {std::string(marker) + "=1", "AWS_ACCESS_KEY_ID=AKIDEXAMPLE",
                                        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI",
                                        "AWS_SESSION_TOKEN=the-session-token"};
  for (const char* const name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "PATH"}) {
    if (const char* const value = ::getenv(name))
      variables.push_back(name + ("=" + std::string(value)));
  }
  std::vector<char*> environment;
  for (std::string& variable : variables) environment.push_back(variable.data());
  environment.push_back(nullptr);
  std::string program = "/proc/self/exe";
  std::string filter = "--gtest_filter=EnvironmentTest.ChildForgetsItsSecrets";
  char* arguments[] = {program.data(), filter.data(), nullptr};
  pid_t child = 0;
  ASSERT_EQ(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environment.data()),
            0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(EnvironmentTest, AnEmptyVariableIsNone) {
  ASSERT_EQ(::setenv(marker, "", 1), 0);
  EXPECT_EQ(process_environment()(marker), std::nullopt);
  ASSERT_EQ(::setenv(marker, "x", 1), 0);
  EXPECT_EQ(process_environment()(marker), "x");
  ASSERT_EQ(::unsetenv(marker), 0);
  EXPECT_EQ(process_environment()(marker), std::nullopt);
}

}  // namespace
}  // namespace restored::store
