// Programs as children: what they get, what is kept of them, and that they end.
#include "hook/child_program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/unique_fd.h"
#include "scripts.h"

namespace restored::hook {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

class ChildProgramTest : public ::testing::Test {
 protected:
  Program script(const std::string& lines, std::chrono::milliseconds time = seconds(60)) {
    Program program;
    program.path = test::write_script(directory_, "program", lines);
    program.environment = {"PATH=/usr/bin:/bin", "GIVEN=yes"};
    program.time = time;
    program.output_bytes_max = 4096;
    return program;
  }
  int group() const { return test::written_number(directory_.file("pid")); }
  std::string note_pid() const { return "echo $$ > " + directory_.file("pid") + "\n"; }

  const test::TemporaryDirectory directory_;
};

TEST_F(ChildProgramTest, GetsItsInputAndTellsItsStatusAndBothItsOutputs) {
  Program program = script("cat\necho to-error >&2\nexit 7");
  program.input = std::string(200'000, 'x') + "end";
  program.output_bytes_max = 300'000;
  const auto end = run_program(program, {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->exit_status, 7);
  EXPECT_EQ(end->output, program.input + "to-error\n");
  EXPECT_FALSE(end->timed_out);
  EXPECT_FALSE(end->stopped);
  EXPECT_GT(end->seconds, 0);
}

TEST_F(ChildProgramTest, InheritsNothing) {
  ASSERT_EQ(::setenv("RESTORED_TEST_SECRET", "inherited", 1), 0);
  // One that is not marked to be closed, as libraries make them.
  const UniqueFd leaky(::open("/dev/null", O_RDONLY));
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  const auto end = run_program(script("/usr/bin/env\npwd\nls -l /proc/self/fd | grep -c null\n"
                                      "grep SigBlk /proc/self/status"),
                               {});
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_NE(end->output.find("GIVEN=yes\n"), std::string::npos) << end->output;
  EXPECT_EQ(end->output.find("RESTORED_TEST_SECRET"), std::string::npos) << end->output;
  EXPECT_EQ(end->output.find("HOME="), std::string::npos) << end->output;
  EXPECT_NE(end->output.find("\n/\n0\n"), std::string::npos) << "in /, without it: " << end->output;
  EXPECT_NE(end->output.find("SigBlk:\t0000000000000000"), std::string::npos) << end->output;
}

TEST_F(ChildProgramTest, OutputBeyondItsLimitIsReadAndThrownAway) {
  Program program = script("head -c 20000000 /dev/zero | tr '\\0' 'y'; exit 3");
  const auto end = run_program(program, {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->exit_status, 3);
  EXPECT_EQ(end->output, std::string(4096, 'y'));
}

TEST_F(ChildProgramTest, IsKilledWithItsGroupAfterItsTime) {
  const auto begin = steady_clock::now();
  const auto end = run_program(
      script(note_pid() + "echo begun\nsleep 300 &\nsleep 300", std::chrono::milliseconds(300)),
      {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_TRUE(end->timed_out);
  EXPECT_FALSE(end->exit_status.has_value());
  EXPECT_EQ(end->signal, SIGTERM);
  EXPECT_EQ(end->output, "begun\n");
  EXPECT_LT(steady_clock::now() - begin, seconds(20));
  EXPECT_TRUE(test::is_gone(group()));
}

TEST_F(ChildProgramTest, WhoDoesNotListenIsKilledForGood) {
  const auto end = run_program(script("trap '' TERM\n" + note_pid() + "while :; do sleep 1; done",
                                      std::chrono::milliseconds(300)),
                               {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_TRUE(end->timed_out);
  EXPECT_EQ(end->signal, SIGKILL);
  EXPECT_TRUE(test::is_gone(group()));
}

TEST_F(ChildProgramTest, EndsWithItsOwnProcessWhoeverKeepsTheOutputOpen) {
  const auto begin = steady_clock::now();
  const auto end = run_program(script(note_pid() + "sleep 300 &\necho told\nexit 0"), {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->exit_status, 0);
  EXPECT_EQ(end->output, "told\n");
  EXPECT_LT(steady_clock::now() - begin, seconds(20));
  EXPECT_TRUE(test::is_gone(group())) << "what it left running";
}

TEST_F(ChildProgramTest, WritingWithoutEndDoesNotLastForEver) {
  const auto end = run_program(script("exec yes", std::chrono::milliseconds(300)), {});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_TRUE(end->timed_out);
  EXPECT_EQ(end->output.size(), 4096u);
}

TEST_F(ChildProgramTest, AStopEndsIt) {
  std::stop_source stop;
  std::jthread stopper([&] {
    test::wait_until([&] { return group() != 0; });
    stop.request_stop();
  });
  const auto end = run_program(script(note_pid() + "sleep 300"), stop.get_token());
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_TRUE(end->stopped);
  EXPECT_FALSE(end->timed_out);
  EXPECT_TRUE(test::is_gone(group()));
}

TEST_F(ChildProgramTest, OneThatIsStoppedBeforeDoesNotBegin) {
  std::stop_source stop;
  stop.request_stop();
  const auto end = run_program(script(note_pid()), stop.get_token());
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_TRUE(end->stopped);
  EXPECT_EQ(group(), 0);
}

TEST_F(ChildProgramTest, WhatCannotBeStartedIsAnError) {
  Program program = script("exit 0");
  program.path = directory_.file("nothing");
  const auto missing = run_program(program, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::io_error);
  EXPECT_NE(missing.error().message.find(program.path), std::string::npos);
}

}  // namespace
}  // namespace restored::hook
