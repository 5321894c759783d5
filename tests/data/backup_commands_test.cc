// BGSAVE, LASTSAVE and what INFO tells of backups, beside a repository that is slow or fails.
#include <gtest/gtest.h>

#include <string>

#include "served_engine.h"
#include "step_gate.h"
#include "support/wait_until.h"
#include "watched_store.h"

namespace restored::test {
namespace {

std::string field(const std::string& info, const std::string& name) {
  const std::size_t at = info.find("\r\n" + name + ":");
  if (at == std::string::npos) return "<none>";
  const std::size_t begin = at + name.size() + 3;
  return info.substr(begin, info.find('\r', begin) - begin);
}

class BackupCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    restore::EngineSeams seams;
    seams.wrap_store = store_.wrap();
    seams.step = gate_.hook();
    served_.emplace(test_options(), seams);
    client_.emplace(served_->client());
    EXPECT_EQ(client_->call({"SET", "a", "1"}), "+OK\r\n");
  }
  std::string call(const Words& words) { return client_->call(words); }
  std::string persistence(const std::string& name) {
    return field(call({"INFO", "persistence"}), name);
  }
  bool wait_idle() {
    const auto id = served_->database().info.id;
    return wait_until([&] { return !served_->engine().database(id)->operation; });
  }

  StoreWatch store_;
  StepGate gate_{"none"};
  std::optional<ServedEngine> served_;
  std::optional<RawClient> client_;
};

TEST_F(BackupCommandsTest, InfoAndLastsaveNeverAskTheRepository) {
  EXPECT_EQ(persistence("rdb_last_bgsave_status"), "ok") << "as Redis says before the first one";
  const std::string at_start = call({"LASTSAVE"});
  EXPECT_EQ(call({"BGSAVE"}), "+Background saving started\r\n");
  ASSERT_TRUE(wait_idle());
  const std::string saved = call({"LASTSAVE"});
  EXPECT_GE(saved, at_start);
  store_.clear();
  store_.before = [](std::string_view call, std::string_view) -> Result<void> {
    return fail(ErrorCode::object_store_unavailable, "no " + std::string(call));
  };
  EXPECT_EQ(call({"LASTSAVE"}), saved);
  EXPECT_EQ(":" + persistence("rdb_last_save_time") + "\r\n", saved);
  EXPECT_NE(call({"INFO"}).find("# Restore\r\n"), std::string::npos);
  for (const char* asked : {"stat", "read", "get", "put", "upload", "remove", "list"}) {
    EXPECT_EQ(store_.count(asked), 0) << asked;
  }
}

TEST_F(BackupCommandsTest, AFailedBackupIsToldUntilOneSucceeds) {
  served_->backup();
  const std::string saved = call({"LASTSAVE"});
  store_.before = [](std::string_view call, std::string_view) -> Result<void> {
    if (call != "put" && call != "upload") return {};
    return fail(ErrorCode::permission_denied, "the repository cannot be written");
  };
  EXPECT_EQ(call({"SET", "a", "2"}), "+OK\r\n");
  EXPECT_EQ(call({"BGSAVE"}), "+Background saving started\r\n");
  ASSERT_TRUE(wait_idle());
  EXPECT_TRUE(wait_until([&] { return persistence("rdb_last_bgsave_status") == "err"; }));
  EXPECT_EQ(persistence("rdb_bgsave_in_progress"), "0");
  EXPECT_EQ(call({"LASTSAVE"}), saved) << "the last one that was complete";
  store_.before = nullptr;
  served_->backup();
  EXPECT_TRUE(wait_until([&] { return persistence("rdb_last_bgsave_status") == "ok"; }));
}

TEST_F(BackupCommandsTest, WhileABackupRunsBgsaveSaysWhatRedisSays) {
  gate_.hold("backup.make.after-export");
  EXPECT_EQ(call({"BGSAVE"}), "+Background saving started\r\n");
  ASSERT_TRUE(gate_.wait_reached());
  EXPECT_EQ(persistence("rdb_bgsave_in_progress"), "1");
  EXPECT_EQ(call({"BGSAVE"}), "-ERR Background save already in progress\r\n");
  EXPECT_EQ(call({"BGSAVE", "SCHEDULE"}), "-ERR Background save already in progress\r\n");
  gate_.let_go();
  ASSERT_TRUE(wait_idle());
  EXPECT_EQ(call({"BGSAVE"}), "+Background saving started\r\n");
  ASSERT_TRUE(wait_idle());
}

TEST_F(BackupCommandsTest, WhileARestoreRunsBgsaveSaysSo) {
  RestoreRequest request;
  request.target = served_->database().info.id;
  request.backup = served_->backup();
  request.principal = "test";
  gate_.hold("restore.run.after-fetch");
  const auto started = served_->engine().start_restore(request);
  ASSERT_TRUE(started.has_value()) << started.error().message;
  ASSERT_TRUE(gate_.wait_reached());
  EXPECT_EQ(call({"BGSAVE"}),
            "-ERR A restore of this database is running; save again when it has ended\r\n");
  gate_.let_go();
  const auto ended = served_->engine().wait_operation(started->id, std::chrono::seconds(60), {});
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->state, OperationState::succeeded);
}

}  // namespace
}  // namespace restored::test
