// The first vendor's own SDK, which we did not write, makes its calls against the real agent over
// TCP; then its own types say whether the answers were what it expects.
#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "daemon_process.h"
#include "support/free_port.h"
#include "support/temporary_directory.h"

namespace restored::system_test {
namespace {

struct Ended {
  int status = -1;
  std::string output;
};

Ended run(const std::string& command) {
  Ended ended;
  FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ended;
  char buffer[4096];
  while (const std::size_t count = ::fread(buffer, 1, sizeof buffer, pipe)) {
    ended.output.append(buffer, count);
  }
  const int status = ::pclose(pipe);
  ended.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ended;
}

TEST(SdkTest, TheVendorsOwnClientNeedsNoChange) {
  const test::TemporaryDirectory place;
  for (const char* file : {"package.json", "calls.mjs"}) {
    std::filesystem::copy(std::string(SDK_DIRECTORY) + "/" + file, place.file(file));
  }
  const std::string inside = "cd '" + place.path() + "' && ";
  const Ended installed =
      run(inside + "timeout 200 npm install --no-audit --no-fund --ignore-scripts");
  ASSERT_EQ(installed.status, 0) << "the SDK comes from the npm registry: " << installed.output;

  const std::string address = "127.0.0.1:" + std::to_string(test::free_port());
  DaemonProcess::Options options;
  options.arguments = {"--control", "tcp:" + address};
  DaemonProcess daemon(options);
  ASSERT_TRUE(daemon.start());
  const Ended called = run(inside + "AGENT=http://" + address + " TOKEN=" + daemon.token() +
                           " timeout 60 node calls.mjs");
  EXPECT_EQ(called.status, 0) << called.output;
  EXPECT_EQ(daemon.stop(), 0);
  if (called.status != 0) return;

  const std::string compile = inside +
                              "timeout 100 node_modules/.bin/tsc --noEmit --strict --target es2022 "
                              "--module esnext --moduleResolution bundler check.ts";
  const Ended typed = run(compile);
  EXPECT_EQ(typed.status, 0) << typed.output;

  // And they would say so.
  std::ofstream(place.file("check.ts"), std::ios::app)
      << "export const wrong: Body<paths['/v1/databases/{databaseId}/backups']['get'], 200> = {"
         " data: [], meta: { backupRetentionDays: 7 },"
         " pagination: { hasMore: false, limit: 25, more: true } }\n";
  const Ended more = run(compile);
  EXPECT_NE(more.status, 0) << "a member too many";
  EXPECT_NE(more.output.find("'more' does not exist"), std::string::npos) << more.output;
}

}  // namespace
}  // namespace restored::system_test
