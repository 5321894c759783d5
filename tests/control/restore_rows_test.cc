// Rows of the restore contract that need a history: backups that cannot be used, databases in every
// status, credentials before and after, and very many clients at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <latch>
#include <map>
#include <thread>

#include "base/random.h"
#include "catalog/record_store.h"
#include "contract.h"
#include "control_test.h"
#include "format/manifest.h"

namespace restored::control {
namespace {

class RestoreRowsTest : public ControlTest {
 protected:
  void configure(EngineOptions& engine, ControlOptions&) override {
    engine.store.retry_seconds = 1;
  }
  void SetUp() override {
    ControlTest::SetUp();
    source_ = make_database("source", 10);
    target_ = make_database("target", 2);
  }
  std::string path() const { return "/v1/databases/" + target_.value; }
  std::string manifest_of(const BackupId& backup) const {
    return directory_.file("repository/backups/" + backup.value + "/manifest");
  }
  // On both surfaces, and of validate; nothing happened to the target.
  void expect_not_usable(const BackupId& backup, const std::string& reason) {
    const std::string body = restore_body(source_, backup);
    for (const std::string& path : {restore_path(target_), restore_path(target_) + "/validate"}) {
      const HttpAnswer answer = post(path, body);
      expect_error(answer, 422, "backup-not-usable");
      EXPECT_NE(answer.word("error.message").find(reason), std::string::npos) << answer.text;
    }
    expect_second_error(post("/v2/redis/restore-backup/" + target_.value,
                             R"({"backup_id":")" + backup.value + "\"}"),
                        400);
    EXPECT_EQ(get(path()).word("data.status"), "ready");
  }
  // As both surfaces' lists of the source's backups tell it.
  void expect_listed(const BackupId& backup, const std::string& status, const std::string& state) {
    const auto of = [&](const boost::json::value& list, const char* id, const char* member) {
      for (const auto& item : list.as_array())
        if (item.at(id).as_string() == backup.value)
          return std::string(item.at(member).as_string());
      return std::string("not there");
    };
    const HttpAnswer first = get("/v1/databases/" + source_.value + "/backups");
    for (const auto& item : first.at("data").as_array()) expect_members(item, backup_members);
    EXPECT_EQ(of(first.at("data"), "id", "status"), status) << first.text;
    const HttpAnswer second = get("/v2/redis/list-backup/" + source_.value);
    EXPECT_EQ(of(second.body, "backup_id", "state"), state) << second.text;
  }
  // Of the source; several seconds of the least bandwidth.
  void write_much(const std::string& prefix) {
    const auto keyspace = engine_->keyspace(source_);
    WriteSet changes;
    for (int index = 0; index < 16; ++index) {
      changes.put("k" + prefix + std::to_string(index),
                  std::string("\x10", 1) + random_id(32 * 1024));
    }
    const WritePermit permit = keyspace->try_begin_write();
    ASSERT_TRUE(permit);
    ASSERT_TRUE(keyspace->write(permit, changes, Durability::process));
  }
  // Stopped before and started after.
  void break_target() {
    stop();
    test::write_file(directory_.file("state/databases/" + target_.value + "/CURRENT"),
                     "nonsense\n");
    start();
  }
  // Every record of the family in the registry, as it is stored. Stopped before and started after.
  std::map<std::string, std::string> stored_records(std::string_view prefix) {
    stop();
    std::map<std::string, std::string> records;
    {
      const auto store = catalog::RecordStore::open(directory_.file("state/registry"));
      EXPECT_TRUE(store) << store.error().message;
      if (!store) return records;
      const auto keep = [&](std::string_view key, std::string_view value) {
        records.emplace(key, value);
        return true;
      };
      EXPECT_TRUE((*store)->scan(prefix, keep));
      EXPECT_TRUE((*store)->close());
    }
    start();
    return records;
  }
  // All that reads or lists, while the target has this status.
  void expect_readable(const std::string& id, const std::string& status) {
    const std::string first = "/v1/databases/" + id;
    for (const std::string& asked :
         {std::string("/v1/databases"), first, first + "/connections", first + "/backups",
          first + "/backups?limit=1", first + "/restore/undo", "/v1/connections?databaseId=" + id,
          "/v1/operations?databaseId=" + id, std::string("/v2/redis/databases"),
          "/v2/redis/database/" + id, "/v2/redis/list-backup/" + id}) {
      EXPECT_EQ(get(asked).status, 200) << asked << " while it is " << status;
    }
    EXPECT_EQ(get(first).word("data.status"), status);
  }

  DatabaseId source_;
  DatabaseId target_;
};

TEST_F(RestoreRowsTest, ABackupThatRunsOrEndedEarlyIs422) {
  // The first one goes at once, and what comes next waits for as long as its bytes would take.
  engine_->set_bandwidth(64 * kKiB);
  write_much("first");
  make_backup(source_);
  write_much("second");
  const HttpAnswer begun = post("/v1/databases/" + source_.value + "/backups",
                                R"({"name":"slow","bandwidthBytesPerSecond":65536})");
  ASSERT_EQ(begun.status, 201) << begun.text;
  const BackupId backup(begun.word("data.id"));
  expect_not_usable(backup, "is running");
  expect_listed(backup, "running", "pending");
  EXPECT_EQ(call("DELETE", begun.header("operation-location")).status, 202);
  EXPECT_EQ(ended_operation_of(begun).state, OperationState::cancelled);
  engine_->set_bandwidth(0);
  expect_not_usable(backup, "is cancelled");
}

TEST_F(RestoreRowsTest, ABackupThatFailedIs422) {
  make_backup(source_);  // the repository is there
  const std::string objects = directory_.file("repository/objects");
  std::filesystem::rename(objects, directory_.file("repository/away"));
  test::write_file(objects, "no directory");
  const HttpAnswer begun = post("/v1/databases/" + source_.value + "/backups", "");
  ASSERT_EQ(begun.status, 201) << begun.text;
  EXPECT_EQ(ended_operation_of(begun).state, OperationState::failed);
  std::filesystem::remove(objects);
  std::filesystem::rename(directory_.file("repository/away"), objects);
  const BackupId backup(begun.word("data.id"));
  EXPECT_EQ(get("/v1/backups/" + backup.value).word("data.status"), "failed");
  expect_not_usable(backup, "is failed");
  expect_listed(backup, "failed", "failed");
}

TEST_F(RestoreRowsTest, ABackupOfANewerFormatOrAnotherOrderIs422) {
  const BackupId backup = make_backup(source_);
  const std::string whole = test::read_whole_file(manifest_of(backup));
  const auto refused_with = [&](const std::function<void(format::Manifest&)>& change,
                                const std::string& reason) {
    auto manifest = format::decode_manifest(whole);
    ASSERT_TRUE(manifest) << manifest.error().message;
    change(*manifest);
    test::write_file(manifest_of(backup), format::encode_manifest(*manifest));
    expect_not_usable(backup, reason);
  };
  refused_with([](format::Manifest& manifest) { ++manifest.encoding_version; }, "encoding version");
  refused_with([](format::Manifest& manifest) { manifest.comparator = "rocksdb.ReverseOrder"; },
               "rocksdb.ReverseOrder");
  test::write_file(manifest_of(backup), whole);
  EXPECT_EQ(ended_operation_of(post(restore_path(target_), restore_body(source_, backup))).state,
            OperationState::succeeded);
}

TEST_F(RestoreRowsTest, ARestoreIsTheWayOutOfFailure) {
  const BackupId backup = make_backup(source_);
  for (const bool second : {false, true}) {
    break_target();
    expect_readable(target_.value, "failure");
    EXPECT_EQ(get("/v2/redis/database/" + target_.value).word("state"), "suspended");
    const HttpAnswer accepted = second ? post("/v2/redis/restore-backup/" + target_.value,
                                              R"({"backup_id":")" + backup.value + "\"}")
                                       : post(restore_path(target_), restore_body(source_, backup));
    ASSERT_EQ(accepted.status, 200) << accepted.text;
    EXPECT_EQ(ended_operation_of(accepted).state, OperationState::succeeded);
    EXPECT_EQ(get(path()).word("data.status"), "ready");
    EXPECT_TRUE(*engine_->keyspace(target_)->pin()->get("kkey9"));
  }
}

TEST_F(RestoreRowsTest, ReadsAndListsWorkInEveryStatus) {
  const BackupId backup = make_backup(source_);
  expect_readable(target_.value, "ready");

  WritePermit permit = engine_->keyspace(target_)->try_begin_write();  // the swap waits for it
  const HttpAnswer restoring = post(restore_path(target_), restore_body(source_, backup));
  expect_readable(target_.value, "recovering");
  permit.release();
  EXPECT_EQ(ended_operation_of(restoring).state, OperationState::succeeded);

  CreateDatabase request;
  request.name = "new";
  request.from_backup = SourceBackup{source_, backup};
  const auto made = engine_->create_database(std::move(request), "test");
  ASSERT_TRUE(made);
  permit = engine_->keyspace(made->info.id)->try_begin_write();
  ASSERT_TRUE(permit);
  expect_readable(made->info.id.value, "provisioning");
  permit.release();
  EXPECT_EQ(ended(*made->operation).state, OperationState::succeeded);
}

TEST_F(RestoreRowsTest, CredentialsAreByteIdenticalOverRestoresAndUndo) {
  const BackupId backup = make_backup(source_);
  const auto made = engine_->create_connection(target_, "kept");
  const auto rotated = engine_->rotate_connection(made->info.id);
  ASSERT_TRUE(rotated);
  const auto before = stored_records("connection/");
  EXPECT_EQ(before.size(), 3u);
  const auto expect_kept = [&](const HttpAnswer& accepted) {
    ASSERT_EQ(accepted.status, 200) << accepted.text;
    EXPECT_EQ(ended_operation_of(accepted).state, OperationState::succeeded);
    EXPECT_EQ(stored_records("connection/"), before);
    const auto opened = engine_->authenticate(made->info.id.value, rotated->password);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->database, target_);
    EXPECT_FALSE(engine_->authenticate(made->info.id.value, made->password));
  };
  expect_kept(post(restore_path(target_), restore_body(source_, backup)));
  expect_kept(post(restore_path(target_) + "/undo", ""));
  expect_kept(post("/v2/redis/restore-backup/" + target_.value,
                   R"({"backup_id":")" + backup.value + "\"}"));
}

TEST_F(RestoreRowsTest, OfAHundredRacingRequestsExactlyOneIsAccepted) {
  constexpr std::size_t clients_count = 100;
  const BackupId backup = make_backup(source_);
  const std::string body = restore_body(source_, backup);
  const std::string request =
      "POST " + restore_path(target_) + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
      admin_ + "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body;
  WritePermit permit = engine_->keyspace(target_)->try_begin_write();  // nobody comes too late
  ASSERT_TRUE(permit);
  std::vector<HttpAnswer> answers(clients_count);
  std::vector<std::thread> clients;
  std::latch begin(clients_count);
  for (std::size_t index = 0; index < clients_count; ++index) {
    clients.emplace_back([&, index] {
      RawClient client(index % 2 == 0 ? unix_address() : tcp_address());
      begin.arrive_and_wait();
      client.send(request);
      std::string bytes = client.read_to_end().bytes;
      answers[index] = take_answer(bytes);
    });
  }
  for (std::thread& client : clients) client.join();
  permit.release();
  std::size_t accepted = 0;
  OperationId operation;
  for (const HttpAnswer& answer : answers) {
    EXPECT_THAT(contract_breaches("POST", restore_path(target_), body, answer), testing::IsEmpty());
    if (answer.status == 200) {
      ++accepted;
      operation = ended_operation_of(answer).id;
      continue;
    }
    expect_error(answer, 409, "database-recovering");
    EXPECT_FALSE(answer.header("retry-after").empty());
  }
  EXPECT_EQ(accepted, 1u);
  for (const HttpAnswer& answer : answers) {
    EXPECT_EQ(answer.header("link"), "</v1/operations/" + operation.value + ">; rel=\"monitor\"");
  }
  const auto views = engine_->operations();
  EXPECT_EQ(std::ranges::count(views, OperationKind::restore, &OperationView::kind), 1);
}

}  // namespace
}  // namespace restored::control
