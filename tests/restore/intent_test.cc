// What is asked for again with the same intent, also after a restart, is there once.
#include <gtest/gtest.h>

#include <string>

#include "test_host.h"

namespace restored::test {
namespace {

class IntentTest : public ::testing::Test {
 protected:
  IntentTest() { host_.open(); }

  void reopen() {
    host_.close();
    host_.open();
  }
  static Intent intent(const std::string& word) { return {std::string(32, 'x') + word}; }

  const TemporaryDirectory directory_;
  TestHost host_{directory_.file("state"), directory_.file("repository")};
};

TEST_F(IntentTest, DatabaseIsMadeOnceWithOnePassword) {
  CreateDatabase request;
  request.name = "orders";
  request.intent = intent("a");
  const CreatedDatabase made = host_.engine().create_database(request, "test").value();
  reopen();
  const CreatedDatabase again = host_.engine().create_database(request, "test").value();
  EXPECT_EQ(again.info.id, made.info.id);
  EXPECT_EQ(again.connection.info.id, made.connection.info.id);
  EXPECT_EQ(again.connection.password, made.connection.password);
  EXPECT_EQ(host_.engine().databases().size(), 1u);
  EXPECT_EQ(host_.engine().connections(made.info.id)->size(), 1u);
  EXPECT_TRUE(host_.engine().authenticate("", made.connection.password));

  request.intent = intent("b");
  const CreatedDatabase other = host_.engine().create_database(request, "test").value();
  EXPECT_NE(other.info.id, made.info.id);
  EXPECT_NE(other.connection.password, made.connection.password);
}

TEST_F(IntentTest, DatabaseFromABackupIsRestoredOnce) {
  const DatabaseId source = host_.make_database("orders");
  host_.put(source, records("key", 50));
  const BackupId backup = host_.back_up(source);
  CreateDatabase request;
  request.name = "copy";
  request.intent = intent("a");
  request.from_backup = SourceBackup{source, backup};
  const CreatedDatabase made = host_.engine().create_database(request, "test").value();
  EXPECT_EQ(host_.wait(*made.operation).state, OperationState::succeeded);
  reopen();
  const CreatedDatabase again = host_.engine().create_database(request, "test").value();
  EXPECT_EQ(again.info.id, made.info.id);
  EXPECT_EQ(again.operation, made.operation);
  EXPECT_EQ(again.info.status, DatabaseStatus::ready);
  EXPECT_EQ(host_.engine().databases().size(), 2u);
  EXPECT_EQ(host_.content(made.info.id), records("key", 50));
}

TEST_F(IntentTest, BackupAndRestoreAndUndoRunOnce) {
  const DatabaseId id = host_.make_database("orders");
  host_.put(id, records("key", 50));
  const auto back_up = [&] {
    return host_.engine().start_backup(id, "one", "test", 0, intent("backup"));
  };
  const OperationView first = back_up().value();
  EXPECT_EQ(back_up()->id, first.id) << "while it runs: no second one, and not busy";
  EXPECT_EQ(host_.wait(first.id).state, OperationState::succeeded);
  reopen();
  EXPECT_EQ(back_up()->id, first.id);
  EXPECT_EQ(host_.engine().backups(id)->size(), 1u);

  const auto restore = [&] {
    return host_.engine().start_restore({id, id, first.backup, "test", intent("restore")});
  };
  const OperationView restored = restore().value();
  EXPECT_EQ(host_.wait(restored.id).state, OperationState::succeeded);
  const GenerationNumber generation = host_.engine().database(id)->generation;
  reopen();
  EXPECT_EQ(restore()->id, restored.id);
  EXPECT_EQ(host_.engine().database(id)->generation, generation);

  const auto undo = [&] { return host_.engine().start_undo(id, "test", intent("undo")); };
  const OperationView undone = undo().value();
  const GenerationNumber previous = host_.engine().database(id)->generation;
  reopen();
  EXPECT_EQ(undo()->id, undone.id);
  EXPECT_EQ(host_.engine().database(id)->generation, previous) << "an undo is not undone";

  const auto verify = [&] {
    return host_.engine().start_verify(first.backup, VerifyDepth::fast, "test", intent("verify"));
  };
  const OperationView verified = verify().value();
  host_.wait(verified.id);
  EXPECT_EQ(verify()->id, verified.id);
}

TEST_F(IntentTest, NoneMakesAnotherOneEachTime) {
  const DatabaseId id = host_.make_database("orders");
  host_.back_up(id);
  host_.back_up(id);
  EXPECT_EQ(host_.engine().backups(id)->size(), 2u);
}

}  // namespace
}  // namespace restored::test
