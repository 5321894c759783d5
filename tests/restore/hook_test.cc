// The operator's programs around a swap: what they decide, what they cannot, and that none of them
// outlives its operation.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <thread>

#include "../hook/scripts.h"
#include "history.h"
#include "step_gate.h"

namespace restored::test {
namespace {

std::set<std::string> names_below(const std::string& directory, std::error_code& error) {
  std::set<std::string> names;
  std::filesystem::recursive_directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::end(entry); entry.increment(error)) {
    names.insert(entry->path().string());
  }
  return names;
}

// False when files came or went meanwhile, as RocksDB's do: an image is of one moment.
bool copied(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::remove_all(to, error);
  const std::set<std::string> before = names_below(from, error);
  if (!error) std::filesystem::copy(from, to, std::filesystem::copy_options::recursive, error);
  return !error && before == names_below(from, error) && !error;
}

class HookTest : public History {
 protected:
  std::string script(const std::string& name, const std::string& lines) {
    return write_script(directory_, name, lines);
  }
  void open() {
    host_.options.hooks.seconds = 30;
    host_.open();
    make_history();
  }
  OperationView now(const OperationId& id) { return host_.engine().operation(id).value(); }
  const HookResult* result(const OperationView& view, HookEvent event) {
    for (const HookResult& hook : view.hooks) {
      if (hook.event == event) return &hook;
    }
    return nullptr;
  }
  std::string told(const std::string& name) {
    const std::string path = directory_.file(name);
    return std::filesystem::exists(path) ? read_whole_file(path) : std::string();
  }
  void expect_untouched() {
    EXPECT_EQ(host_.content(database_), now_);
    EXPECT_TRUE(host_.staged_files(database_).empty());
    EXPECT_EQ(info(database_).status, DatabaseStatus::ready);
    EXPECT_FALSE(info(database_).previous_generation.has_value());
  }
  int group() const { return written_number(directory_.file("pid")); }
  // Ends by being killed only.
  std::string endless() { return "echo $$ > " + directory_.file("pid") + "\nsleep 300"; }
};

TEST_F(HookTest, BothAreToldInOrderAndTheirResultsAreOnRecord) {
  const std::string order = directory_.file("order");
  host_.options.hooks.before_swap = script("before", "cat >> " + order + "; echo looked");
  host_.options.hooks.after_swap = script("after", "cat >> " + order + "; echo late; exit 4");
  host_.options.hooks.failed = script("failed", "cat >> " + order);
  open();
  const OperationView ended = host_.restore(database_, backup_);
  EXPECT_EQ(ended.state, OperationState::succeeded) << "what after_swap says changes nothing";
  EXPECT_EQ(host_.content(database_), then_);
  const std::string text = told("order");
  const std::size_t second = text.find('\n') + 1;
  EXPECT_TRUE(text.starts_with(R"({"event":"before_swap","id":")" + ended.id.value)) << text;
  EXPECT_TRUE(text.substr(second).starts_with(R"({"event":"after_swap",)")) << text;
  EXPECT_EQ(text.find(R"("event":"failed")"), std::string::npos) << text;
  restart();
  for (const OperationView& view : {ended, now(ended.id)}) {
    const HookResult* before = result(view, HookEvent::before_swap);
    ASSERT_NE(before, nullptr);
    EXPECT_EQ(before->exit_status, 0);
    EXPECT_EQ(before->output, "looked");
    EXPECT_GT(before->seconds, 0);
    const HookResult* after = result(view, HookEvent::after_swap);
    ASSERT_NE(after, nullptr);
    EXPECT_EQ(after->exit_status, 4);
    EXPECT_EQ(after->output, "late");
  }
}

TEST_F(HookTest, AVetoLeavesTheOldContentAndSaysWhy) {
  host_.options.hooks.before_swap = script("before", "echo a migration is running; exit 3");
  host_.options.hooks.after_swap = script("after", "cat > " + directory_.file("after-told"));
  host_.options.hooks.failed = script("failed", "cat > " + directory_.file("failed-told"));
  open();
  const OperationView ended = host_.restore(database_, backup_);
  EXPECT_EQ(ended.state, OperationState::failed);
  ASSERT_TRUE(ended.error.has_value());
  EXPECT_EQ(ended.error->code, ErrorCode::vetoed_by_hook);
  EXPECT_NE(ended.error->message.find("hooks.before_swap, " + directory_.file("before")),
            std::string::npos)
      << ended.error->message;
  EXPECT_NE(ended.error->message.find("ended with exit status 3: a migration is running"),
            std::string::npos)
      << ended.error->message;
  expect_untouched();
  EXPECT_EQ(told("after-told"), "");
  EXPECT_NE(told("failed-told").find(R"("status":"failed")"), std::string::npos);
  EXPECT_NE(told("failed-told").find(R"("code":"vetoed-by-hook")"), std::string::npos);
  ASSERT_NE(result(ended, HookEvent::failed), nullptr);
  EXPECT_EQ(result(ended, HookEvent::failed)->exit_status, 0);
  EXPECT_EQ(result(ended, HookEvent::before_swap)->exit_status, 3);
}

// What before_swap forbade does not happen because the agent stopped before hooks.failed had ended.
TEST_F(HookTest, AVetoStaysOneWhenTheAgentStopsWhileItTellsOfIt) {
  host_.options.hooks.before_swap = script("before", "exit 3");
  host_.options.hooks.failed = script("failed", endless());
  open();
  const OperationView begun = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(wait_until([&] { return group() != 0; }));
  EXPECT_TRUE(now(begun.id).waiting_on.starts_with("hooks.failed"));
  EXPECT_FALSE(now(begun.id).may_cancel);
  const auto cancelled = host_.engine().cancel_operation(begun.id);
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::operation_ended);
  const std::string copy = directory_.file("copy");
  ASSERT_TRUE(wait_until([&] { return copied(directory_.file("state"), copy); }));
  host_.close();
  EXPECT_TRUE(is_gone(group()));
  host_.options.hooks = {};
  host_.open();
  const OperationView ended = now(begun.id);
  EXPECT_EQ(ended.state, OperationState::failed);
  ASSERT_TRUE(ended.error.has_value());
  EXPECT_EQ(ended.error->code, ErrorCode::vetoed_by_hook);
  ASSERT_NE(result(ended, HookEvent::failed), nullptr);
  expect_untouched();
  host_.close();
  // The disk of an agent that was killed meanwhile.
  TestHost next(copy, directory_.file("repository"));
  next.open();
  const OperationView there = next.engine().operation(begun.id).value();
  EXPECT_EQ(there.state, OperationState::failed);
  EXPECT_EQ(next.content(database_), now_);
  next.close();
  host_.open();
}

TEST_F(HookTest, AfterTheSwapTheDatabaseIsFreeWhileItTellsOfIt) {
  host_.options.hooks.after_swap = script("after", endless());
  open();
  const OperationView begun = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(wait_until([&] { return group() != 0; }));
  EXPECT_TRUE(wait_until([&] { return info(database_).status == DatabaseStatus::ready; }));
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_EQ(host_.engine().cancel_operation(begun.id).error().code, ErrorCode::operation_ended);
  host_.close();
  EXPECT_TRUE(is_gone(group()));
  host_.options.hooks = {};
  host_.open();
  EXPECT_EQ(now(begun.id).state, OperationState::succeeded);
}

TEST_F(HookTest, OneThatDoesNotEndInTimeIsAVeto) {
  host_.options.hooks.before_swap = script("before", endless());
  open();
  host_.close();
  host_.options.hooks.seconds = 1;
  host_.open();
  const OperationView ended = host_.restore(database_, backup_);
  ASSERT_TRUE(ended.error.has_value());
  EXPECT_EQ(ended.error->code, ErrorCode::vetoed_by_hook);
  EXPECT_NE(ended.error->message.find("did not end within 1 s"), std::string::npos)
      << ended.error->message;
  ASSERT_NE(result(ended, HookEvent::before_swap), nullptr);
  EXPECT_TRUE(result(ended, HookEvent::before_swap)->timed_out);
  EXPECT_TRUE(is_gone(group()));
  expect_untouched();
}

TEST_F(HookTest, OneThatIsGoneIsAVeto) {
  host_.options.hooks.before_swap = script("before", "exit 0");
  open();
  std::filesystem::remove(directory_.file("before"));
  const OperationView ended = host_.restore(database_, backup_);
  ASSERT_TRUE(ended.error.has_value());
  EXPECT_EQ(ended.error->code, ErrorCode::vetoed_by_hook);
  EXPECT_NE(ended.error->message.find("was not started"), std::string::npos);
  expect_untouched();
}

TEST_F(HookTest, ACancelKillsIt) {
  host_.options.hooks.before_swap = script("before", endless());
  open();
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(wait_until([&] { return group() != 0; }));
  EXPECT_TRUE(now(running.id).waiting_on.starts_with("hooks.before_swap"));
  EXPECT_EQ(host_.content(database_), now_);
  host_.put(database_, {{"written", "while it ran"}});  // the gate is open
  now_["written"] = "while it ran";
  ASSERT_TRUE(host_.engine().cancel_operation(running.id));
  EXPECT_EQ(host_.wait(running.id).state, OperationState::cancelled);
  EXPECT_TRUE(is_gone(group()));
  expect_untouched();
}

TEST_F(HookTest, AStopKillsItAndTheNextStartAsksAgain) {
  host_.options.hooks.before_swap =
      script("before", "[ -e " + directory_.file("again") + " ] && exit 0\n" + endless());
  open();
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(wait_until([&] { return group() != 0; }));
  host_.close();
  EXPECT_TRUE(is_gone(group()));
  write_file(directory_.file("again"), "");
  host_.open();
  const OperationView ended = host_.wait(running.id);
  EXPECT_EQ(ended.state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_);
  EXPECT_EQ(result(ended, HookEvent::before_swap)->exit_status, 0);
}

// The disk of an agent that was killed between the hook and the swap.
TEST_F(HookTest, AnAgentThatDiesBeforeTheSwapAsksAgain) {
  const std::string counter = directory_.file("counter");
  host_.options.hooks.before_swap = script("before", "echo one >> " + counter);
  StepGate gate("restore.run.after-hook");
  host_.seams.step = gate.hook();
  open();
  const OperationView running = host_.start_restore(database_, backup_).value();
  ASSERT_TRUE(gate.wait_reached());
  EXPECT_EQ(told("counter"), "one\n");
  std::filesystem::copy(directory_.file("state"), directory_.file("copy"),
                        std::filesystem::copy_options::recursive);
  ASSERT_TRUE(host_.engine().cancel_operation(running.id));
  gate.let_go();
  host_.wait(running.id);
  host_.close();
  TestHost next(directory_.file("copy"), directory_.file("repository"));
  next.options.hooks.before_swap = directory_.file("before");
  next.open();
  EXPECT_EQ(next.wait(running.id).state, OperationState::succeeded);
  EXPECT_EQ(next.content(database_), then_);
  EXPECT_EQ(told("counter"), "one\none\n");
  next.close();
  host_.open();
}

TEST_F(HookTest, OfAHeldRestoreItIsAskedAtTheCommit) {
  const std::string counter = directory_.file("counter");
  host_.options.hooks.before_swap = script("before", "echo one >> " + counter + "; exit 1");
  open();
  const OperationView begun =
      host_.engine().start_restore({database_, {}, backup_, "test", {}, true}).value();
  ASSERT_TRUE(wait_until([&] { return now(begun.id).phase == Phase::staged; }));
  EXPECT_EQ(told("counter"), "");
  ASSERT_TRUE(host_.engine().commit_operation(begun.id));
  EXPECT_EQ(host_.wait(begun.id).error->code, ErrorCode::vetoed_by_hook);
  EXPECT_EQ(told("counter"), "one\n");
  EXPECT_EQ(host_.engine().commit_operation(begun.id).error().code, ErrorCode::operation_ended);
  expect_untouched();
}

TEST_F(HookTest, AnUndoAsksAndTells) {
  const std::string no = directory_.file("no");
  host_.options.hooks.before_swap = script("before", "[ ! -e " + no + " ]");
  host_.options.hooks.after_swap = script("after", "cat > " + directory_.file("told"));
  open();
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  write_file(no, "");
  const OperationView vetoed = host_.engine().start_undo(database_, "test").value();
  EXPECT_EQ(host_.wait(vetoed.id).error->code, ErrorCode::vetoed_by_hook);
  EXPECT_EQ(host_.content(database_), then_);
  std::filesystem::remove(no);
  const OperationView undone = host_.engine().start_undo(database_, "test").value();
  EXPECT_EQ(host_.wait(undone.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), now_);
  EXPECT_NE(told("told").find(R"("kind":"undo")"), std::string::npos) << told("told");
}

// A client's flush needs no operation: what was to come back is gone when the hook says yes.
TEST_F(HookTest, AnUndoThatAFlushOvertakesTakesBackNeither) {
  const std::string slow = directory_.file("slow");
  host_.options.hooks.before_swap =
      script("before", "[ -e " + slow + " ] || exit 0\necho $$ > " + directory_.file("pid") +
                           "\nwhile [ -e " + slow + " ]; do sleep 0.01; done");
  open();
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  write_file(slow, "");
  const OperationView undone = host_.engine().start_undo(database_, "test").value();
  ASSERT_TRUE(wait_until([&] { return group() != 0; }));
  ASSERT_TRUE(host_.engine().keyspace(database_)->replace_all({}, nullptr));
  std::filesystem::remove(slow);
  const OperationView ended = host_.wait(undone.id);
  EXPECT_EQ(ended.state, OperationState::failed);
  ASSERT_TRUE(ended.error.has_value());
  EXPECT_EQ(ended.error->code, ErrorCode::nothing_to_undo);
  EXPECT_NE(ended.error->message.find("flush"), std::string::npos) << ended.error->message;
  EXPECT_TRUE(host_.content(database_).empty()) << "what was asked last";
  const OperationView again = host_.engine().start_undo(database_, "test").value();
  EXPECT_EQ(host_.wait(again.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), then_) << "the flush can be taken back";
}

TEST_F(HookTest, AnUndoCanBeCancelledWhileItAsks) {
  host_.options.hooks.before_swap =
      script("before", "[ -e " + directory_.file("slow") + " ] || exit 0\n" + endless());
  open();
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  write_file(directory_.file("slow"), "");
  const OperationView undone = host_.engine().start_undo(database_, "test").value();
  ASSERT_TRUE(wait_until([&] { return group() != 0; }));
  EXPECT_TRUE(now(undone.id).may_cancel);
  const auto cancelled = host_.engine().cancel_operation(undone.id);
  ASSERT_TRUE(cancelled) << cancelled.error().message;
  EXPECT_EQ(host_.wait(undone.id).state, OperationState::cancelled);
  EXPECT_TRUE(is_gone(group()));
  EXPECT_EQ(host_.content(database_), then_);
  std::filesystem::remove(directory_.file("slow"));
  const OperationView again = host_.engine().start_undo(database_, "test").value();
  EXPECT_EQ(host_.wait(again.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(database_), now_);
}

TEST_F(HookTest, AStopEndsAnUndosHook) {
  host_.options.hooks.before_swap =
      script("before", "[ -e " + directory_.file("slow") + " ] || exit 0\n" + endless());
  open();
  ASSERT_EQ(host_.restore(database_, backup_).state, OperationState::succeeded);
  write_file(directory_.file("slow"), "");
  const OperationView undone = host_.engine().start_undo(database_, "test").value();
  ASSERT_TRUE(wait_until([&] { return group() != 0; }));
  host_.close();
  EXPECT_TRUE(is_gone(group()));
  host_.open();
  EXPECT_EQ(now(undone.id).error->code, ErrorCode::shutting_down);
  EXPECT_EQ(host_.content(database_), then_);
}

TEST_F(HookTest, AFailedBackupIsToldACancelledOneIsNot) {
  host_.options.hooks.failed = script("failed", "cat >> " + directory_.file("told"));
  StepGate gate("none");
  host_.seams.step = gate.hook();
  open();
  gate.hold("backup.make.after-export");
  const OperationView cancelled = host_.engine().start_backup(database_, "one", "test").value();
  ASSERT_TRUE(gate.wait_reached());
  ASSERT_TRUE(host_.engine().cancel_operation(cancelled.id));
  gate.let_go();
  EXPECT_EQ(host_.wait(cancelled.id).state, OperationState::cancelled);
  EXPECT_EQ(told("told"), "");
  gate.hold("backup.make.after-export");
  host_.put(database_, records("more:", 50, 9));
  const OperationView failing = host_.engine().start_backup(database_, "two", "test").value();
  ASSERT_TRUE(gate.wait_reached());
  std::filesystem::rename(directory_.file("repository"), directory_.file("away"));
  gate.let_go();
  const OperationView ended = host_.wait(failing.id);
  std::filesystem::rename(directory_.file("away"), directory_.file("repository"));
  EXPECT_EQ(ended.state, OperationState::failed);
  EXPECT_NE(told("told").find(R"("kind":"backup")"), std::string::npos) << told("told");
}

TEST_F(HookTest, AnEngineDoesNotOpenWithOneThatEverybodyMayWriteTo) {
  host_.options.hooks.failed = script("failed", "exit 0");
  ::chmod(host_.options.hooks.failed.c_str(), 0707);
  const Result<void> opened = host_.try_open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::invalid_configuration);
  host_.options.hooks.failed.clear();
  host_.open();
}

}  // namespace
}  // namespace restored::test
