// The first vendor's own SDK, which we did not write, makes its calls against the real agent over
// TCP; then its own types say whether the answers were what it expects.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "daemon_process.h"
#include "support/free_port.h"
#include "support/shell.h"
#include "support/temporary_directory.h"

namespace restored::system_test {
namespace {

TEST(SdkTest, TheVendorsOwnClientNeedsNoChange) {
  const test::TemporaryDirectory place;
  for (const char* file : {"package.json", "calls.mjs"}) {
    std::filesystem::copy(std::string(SDK_DIRECTORY) + "/" + file, place.file(file));
  }
  const std::string inside = "cd '" + place.path() + "' && ";
  const test::Shown installed =
      test::shell(inside + "timeout 200 npm install --no-audit --no-fund --ignore-scripts");
  ASSERT_EQ(installed.status, 0) << "the SDK comes from the npm registry: " << installed.text;

  const std::string address = "127.0.0.1:" + std::to_string(test::free_port());
  DaemonProcess::Options options;
  options.arguments = {"--control", "tcp:" + address};
  DaemonProcess daemon(options);
  ASSERT_TRUE(daemon.start());
  const test::Shown called = test::shell(inside + "AGENT=http://" + address +
                                         " TOKEN=" + daemon.token() + " timeout 60 node calls.mjs");
  EXPECT_EQ(called.status, 0) << called.text;
  EXPECT_EQ(daemon.stop(), 0);
  if (called.status != 0) return;

  const std::string compile = inside +
                              "timeout 100 node_modules/.bin/tsc --noEmit --strict --target es2022 "
                              "--module esnext --moduleResolution bundler check.ts";
  const test::Shown typed = test::shell(compile);
  EXPECT_EQ(typed.status, 0) << typed.text;

  // And they would say so.
  std::ofstream(place.file("check.ts"), std::ios::app)
      << "export const wrong: Body<paths['/v1/databases/{databaseId}/backups']['get'], 200> = {"
         " data: [], meta: { backupRetentionDays: 7 },"
         " pagination: { hasMore: false, limit: 25, more: true } }\n";
  const test::Shown more = test::shell(compile);
  EXPECT_NE(more.status, 0) << "a member too many";
  EXPECT_NE(more.text.find("'more' does not exist"), std::string::npos) << more.text;
}

}  // namespace
}  // namespace restored::system_test
