// What a restore does to a database, seen through the engine's own interface.
#include <gtest/gtest.h>

#include <filesystem>
#include <latch>
#include <thread>

#include "step_gate.h"
#include "support/temporary_directory.h"
#include "test_host.h"

namespace restored::test {
namespace {

class RestoreTest : public ::testing::Test {
 protected:
  RestoreTest() : host_(directory_.file("state"), directory_.file("repository")) {}

  // A database with a backup of `then`, that now holds `now`.
  void make_history(const Content& then, const Content& now) {
    database_ = host_.make_database("orders");
    host_.put(database_, then);
    backup_ = host_.back_up(database_);
    std::vector<std::string> gone;
    for (const auto& [key, value] : then) {
      if (!now.contains(key)) gone.push_back(key);
    }
    host_.erase(database_, gone);
    host_.put(database_, now);
  }

  TemporaryDirectory directory_;
  TestHost host_;
  DatabaseId database_;
  BackupId backup_;
};

TEST_F(RestoreTest, ReplacesTheContentExactly) {
  host_.open();
  const Content then = records("key:", 500, 1);
  Content now = records("key:", 300, 2);
  now.merge(records("new:", 200, 3));
  make_history(then, now);
  ASSERT_EQ(host_.content(database_), now);

  const OperationView ended = host_.restore(database_, backup_);
  ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
  EXPECT_EQ(ended.phase, Phase::done);
  EXPECT_EQ(ended.bytes_done, ended.bytes_total);
  EXPECT_EQ(ended.files_done, ended.files_total);
  EXPECT_GT(ended.bytes_total, 0u);
  EXPECT_EQ(host_.content(database_), then);
  EXPECT_TRUE(host_.staged_files(database_).empty());
  const DatabaseInfo info = host_.engine().database(database_).value();
  EXPECT_EQ(info.status, DatabaseStatus::ready);
  const auto* source = std::get_if<SourceBackup>(&info.source);
  ASSERT_NE(source, nullptr);
  EXPECT_EQ(source->backup, backup_);
  EXPECT_EQ(source->database, database_);
}

}  // namespace
}  // namespace restored::test
