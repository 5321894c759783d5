#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <thread>
#include <vector>

#include "control_test.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

class OperationSurfaceTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    database_ = make_database("worked-on");
    backup_ = make_backup(database_);
    path_ = "/v1/databases/" + database_.value;
  }
  // A restore that stands before its swap for as long as the permit is held.
  HttpAnswer held_restore(WritePermit& permit) {
    permit = engine_->keyspace(database_)->try_begin_write();
    EXPECT_TRUE(permit);
    return post(path_ + "/restore", restore_body(database_, backup_));
  }

  DatabaseId database_;
  BackupId backup_;
  std::string path_;
};

TEST_F(OperationSurfaceTest, AnOperationIsShownWhole) {
  const HttpAnswer restored = post(path_ + "/restore", restore_body(database_, backup_));
  const OperationView view = ended_operation_of(restored);
  const HttpAnswer shown = get("/v1/operations/" + view.id.value);
  ASSERT_EQ(shown.status, 200) << shown.text;
  expect_members(shown.at("data"), operation_members);
  expect_members(shown.at("data.busySeconds"), {{"fetch", "number"},
                                                {"decode", "number"},
                                                {"write", "number"},
                                                {"encode", "number"},
                                                {"store", "number"}});
  EXPECT_EQ(shown.word("data.type"), "operation");
  EXPECT_EQ(shown.word("data.kind"), "restore");
  EXPECT_EQ(shown.word("data.status"), "succeeded");
  EXPECT_EQ(shown.word("data.phase"), "done");
  EXPECT_EQ(shown.word("data.databaseId"), "db_" + database_.value);
  EXPECT_EQ(shown.word("data.sourceDatabaseId"), "db_" + database_.value);
  EXPECT_EQ(shown.word("data.backupId"), backup_.value);
  EXPECT_EQ(shown.at("data.mayCancel"), false);
  EXPECT_EQ(shown.at("data.attempts").as_int64(), 1);
  EXPECT_TRUE(shown.at("data.endedAt").is_string());
  EXPECT_TRUE(shown.word("data.principal").starts_with("token:admin " + peer_begin()));
  expect_error(get("/v1/operations/nothing"), 404, "resource-not-found");
}

TEST_F(OperationSurfaceTest, TheListIsNewestFirstWithPagesAndFilters) {
  for (int round = 0; round < 2; ++round) {
    ended_operation_of(post(path_ + "/restore", restore_body(database_, backup_)));
  }
  const HttpAnswer list = get("/v1/operations");
  ASSERT_EQ(list.at("data").as_array().size(), 3u) << list.text;
  EXPECT_EQ(list.word("data.0.kind"), "restore");
  EXPECT_EQ(list.word("data.2.kind"), "backup");
  const HttpAnswer page = get("/v1/operations?limit=2");
  EXPECT_EQ(page.at("pagination.hasMore"), true);
  const HttpAnswer rest =
      get("/v1/operations?limit=2&cursor=" + page.word("pagination.nextCursor"));
  ASSERT_EQ(rest.at("data").as_array().size(), 1u);
  EXPECT_EQ(rest.word("data.0.id"), list.word("data.2.id"));
  const auto count = [&](const std::string& query) {
    return get("/v1/operations?" + query).at("data").as_array().size();
  };
  EXPECT_EQ(count("kind=backup"), 1u);
  EXPECT_EQ(count("kind=restore&status=succeeded&databaseId=db_" + database_.value), 2u);
  EXPECT_EQ(count("status=running"), 0u);
  EXPECT_EQ(count("databaseId=nobody"), 0u);
  expect_error(get("/v1/operations?kind=dance"), 422, "invalid-request");
  expect_error(get("/v1/operations?status=x"), 422, "invalid-request");
  stop();
  start();
  EXPECT_EQ(get("/v1/operations").at("data").as_array().size(), 3u) << "kept across a restart";
}

TEST_F(OperationSurfaceTest, WaitingEndsWithTheOperationOrTheTimeout) {
  WritePermit permit;
  const HttpAnswer begun = held_restore(permit);
  const std::string path = begun.header("operation-location");
  const auto begin = std::chrono::steady_clock::now();
  const HttpAnswer timed_out = get(path + "/wait?timeout=1");
  EXPECT_EQ(timed_out.status, 200);
  EXPECT_EQ(timed_out.word("data.status"), "running");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(900));
  EXPECT_EQ(get(path + "/wait?timeout=0").word("data.status"), "running");

  HttpAnswer waited;
  std::thread client([&] { waited = get(path + "/wait?timeout=600"); });
  EXPECT_EQ(get("/healthz").status, 200);
  permit.release();
  client.join();
  EXPECT_EQ(waited.word("data.status"), "succeeded");
  EXPECT_EQ(get(path + "/wait").word("data.status"), "succeeded") << "ended: at once";

  for (const char* query : {"timeout=601", "timeout=-1", "timeout=x", "timeout="}) {
    expect_error(get(path + "/wait?" + query), 422, "invalid-request");
  }
  expect_error(get("/v1/operations/nothing/wait"), 404, "resource-not-found");
}

// Which of them find room is open: requests are handled in no fixed order.
TEST_F(OperationSurfaceTest, MoreWaitersThanThereIsRoomForAreAnsweredAtOnce) {
  constexpr unsigned kTooMany = 3;
  WritePermit permit;
  const std::string path = held_restore(permit).header("operation-location");
  std::atomic<unsigned> running = 0;
  std::atomic<unsigned> succeeded = 0;
  std::vector<std::jthread> clients;
  for (unsigned index = 0; index < limits::http_waiters_max + kTooMany; ++index) {
    clients.emplace_back([&] {
      const std::string status = get(path + "/wait?timeout=600").word("data.status");
      if (status == "running") ++running;
      if (status == "succeeded") ++succeeded;
    });
  }
  EXPECT_TRUE(test::wait_until([&] { return running == kTooMany; })) << running;
  EXPECT_EQ(get("/v1/databases").status, 200) << "waits take no thread from other requests";
  EXPECT_EQ(succeeded, 0u);
  permit.release();
  clients.clear();
  EXPECT_EQ(running, kTooMany);
  EXPECT_EQ(succeeded, limits::http_waiters_max);
}

TEST_F(OperationSurfaceTest, CancellingIsAcceptedBeforeTheSwapOnly) {
  const OperationView over =
      ended_operation_of(post(path_ + "/restore", restore_body(database_, backup_)));
  expect_error(call("DELETE", "/v1/operations/" + over.id.value), 409, "operation-ended");
  expect_error(call("DELETE", "/v1/operations/nothing"), 404, "resource-not-found");

  WritePermit permit;
  const HttpAnswer begun = held_restore(permit);
  const std::string path = begun.header("operation-location");
  const HttpAnswer cancelled = call("DELETE", path);
  EXPECT_EQ(cancelled.status, 202) << cancelled.text;
  expect_members(cancelled.at("data"), operation_members);
  permit.release();
  EXPECT_EQ(ended(OperationId(path.substr(15))).state, OperationState::cancelled);
}

}  // namespace
}  // namespace restored::control
