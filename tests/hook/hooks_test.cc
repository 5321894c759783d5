// Which hooks may be run, what they are told and what is kept of them.
#include "hook/hooks.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "scripts.h"

namespace restored::hook {
namespace {

class HooksTest : public ::testing::Test {
 protected:
  HooksTest() {
    view_.id = OperationId("op1");
    view_.database = DatabaseId("orders");
    view_.backup = BackupId("b1");
    view_.phase = Phase::swap;
    view_.principal = "token:ci";
    view_.bytes_total = 17;
  }
  HookEnd run_script(const std::string& lines, HookEvent event = HookEvent::before_swap) {
    HookOptions options;
    options.seconds = 60;
    (event == HookEvent::failed ? options.failed : options.before_swap) =
        test::write_script(directory_, "hook", lines);
    return run(options, event, view_, {});
  }
  std::string refusal(const std::string& path) {
    HookOptions options;
    options.after_swap = path;
    const auto checked = check(options);
    if (checked) return "";
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_configuration);
    EXPECT_NE(checked.error().message.find("hooks.after_swap"), std::string::npos);
    return checked.error().message;
  }

  const test::TemporaryDirectory directory_;
  OperationView view_;
};

TEST_F(HooksTest, OneThatCanBeRunPassesAndNoneIsNeeded) {
  EXPECT_TRUE(check({}));
  EXPECT_EQ(refusal(test::write_script(directory_, "hook", "exit 0")), "");
}

TEST_F(HooksTest, WhatCannotOrMustNotBeRunIsRefused) {
  EXPECT_NE(refusal("hook.sh").find("no absolute path"), std::string::npos);
  EXPECT_NE(refusal(directory_.file("nothing")).find("No such file"), std::string::npos);
  EXPECT_NE(refusal(directory_.path()).find("not a regular file"), std::string::npos);
  const std::string path = test::write_script(directory_, "hook", "exit 0");
  ::chmod(path.c_str(), 0600);
  EXPECT_NE(refusal(path).find("may not execute"), std::string::npos);
  ::chmod(path.c_str(), 0702);
  EXPECT_NE(refusal(path).find("everybody may write"), std::string::npos);
  HookOptions options;
  options.seconds = 0;
  EXPECT_FALSE(check(options));
  options.seconds = limits::hook_seconds_max + 1;
  EXPECT_FALSE(check(options));
}

TEST_F(HooksTest, ItIsToldOfTheOperationAndItsEvent) {
  view_.state = OperationState::failed;
  view_.error = Error{ErrorCode::io_error, "a \"quoted\" \xff byte", {}};
  const HookEnd end = run_script("cat; echo \"$RESTORED_HOOK\"", HookEvent::failed);
  EXPECT_EQ(end.result.exit_status, 0);
  const std::size_t line = end.result.output.find('\n');
  ASSERT_NE(line, std::string::npos);
  EXPECT_EQ(end.result.output.substr(line + 1), "failed");
  const auto document = boost::json::parse(end.result.output.substr(0, line)).as_object();
  EXPECT_EQ(document.at("event"), "failed");
  EXPECT_EQ(document.at("id"), "op1");
  EXPECT_EQ(document.at("kind"), "restore");
  EXPECT_EQ(document.at("status"), "failed");
  EXPECT_EQ(document.at("phase"), "swap");
  EXPECT_EQ(document.at("databaseId"), "db_orders");
  EXPECT_TRUE(document.at("sourceDatabaseId").is_null());
  EXPECT_EQ(document.at("backupId"), "b1");
  EXPECT_EQ(document.at("bytesTotal").to_number<int>(), 17);
  EXPECT_EQ(document.at("principal"), "token:ci");
  EXPECT_EQ(document.at("error").at("code"), "io-error");
  EXPECT_EQ(document.at("error").at("message"), "a \"quoted\" \xEF\xBF\xBD byte");
}

TEST_F(HooksTest, HowItEndedIsTold) {
  EXPECT_EQ(run_script("exit 3").sentence, "ended with exit status 3");
  EXPECT_EQ(run_script("kill -9 $$").sentence, "ended by signal 9");
  EXPECT_FALSE(run_script("kill -9 $$").result.exit_status.has_value());
  HookOptions options;
  options.before_swap = directory_.file("nothing");
  const HookEnd missing = run(options, HookEvent::before_swap, view_, {});
  EXPECT_EQ(missing.sentence, "was not started");
  EXPECT_FALSE(missing.result.exit_status.has_value());
  EXPECT_NE(missing.result.output.find("No such file"), std::string::npos);
}

TEST_F(HooksTest, WhatIsKeptIsUtf8OfBoundedLength) {
  EXPECT_EQ(kept_text("one\ttwo\nthree\n\n", 100), "one\ttwo\nthree");
  EXPECT_EQ(kept_text("a\x1b[2Jb\xff", 100), "a [2Jb?");
  EXPECT_EQ(kept_text("\xc3\xa4\xc3\xb6", 3), "\xc3\xa4") << "no half of a character";
  const HookEnd end =
      run_script("i=0; while [ $i -lt 3000 ]; do printf '\\303\\244\\303\\266'; i=$((i+1)); done");
  EXPECT_EQ(end.result.output.size(), limits::hook_output_bytes_max);
  EXPECT_EQ(end.result.output.find('?'), std::string::npos);
}

}  // namespace
}  // namespace restored::hook
