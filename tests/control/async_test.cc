// Prefer: respond-async: what begins an operation is answered 202, with the place to look at.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "control_test.h"
#include "restore_pair.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

const std::string async = "Prefer: respond-async";

class AsyncSurfaceTest : public RestorePairTest {
 protected:
  void expect_async(const HttpAnswer& answer, const std::string& applied = "respond-async") {
    EXPECT_EQ(answer.status, 202) << answer.text;
    EXPECT_EQ(answer.header("preference-applied"), applied);
    EXPECT_TRUE(answer.header("location").starts_with("/v1/operations/"))
        << answer.header("location");
    EXPECT_EQ(answer.header("location"), answer.header("operation-location"));
    EXPECT_EQ(get(answer.header("location")).status, 200);
  }
  void expect_plain(const HttpAnswer& answer, int status, const std::string& applied = "") {
    EXPECT_EQ(answer.status, status) << answer.text;
    EXPECT_EQ(answer.header("location"), "");
    EXPECT_EQ(answer.header("preference-applied"), applied);
  }
};

TEST_F(AsyncSurfaceTest, ARestoreAndItsUndoAre202WithTheirLocation) {
  const HttpAnswer accepted = restore({async});
  expect_async(accepted);
  expect_members(accepted.at("data"), database_members);
  EXPECT_EQ(accepted.word("data.status"), "recovering");
  EXPECT_EQ(accepted.word("data.source.backupId"), backup_.value);
  EXPECT_EQ(ended_operation_of(accepted).state, OperationState::succeeded);
  EXPECT_TRUE(*engine_->keyspace(target_)->pin()->get("kkey9"));
  const HttpAnswer undone = call("POST", restore_path(target_) + "/undo", "{}", {async});
  expect_async(undone);
  EXPECT_EQ(ended_operation_of(undone).state, OperationState::succeeded);
  EXPECT_FALSE(*engine_->keyspace(target_)->pin()->get("kkey9"));
}

TEST_F(AsyncSurfaceTest, WhatElseBeginsAnOperationIsToo) {
  const std::string backups = "/v1/databases/" + source_.value + "/backups";
  const HttpAnswer made = call("POST", backups, "{}", {async});
  expect_async(made);
  expect_members(made.at("data"), backup_details_members);
  ended_operation_of(made);
  const HttpAnswer verified =
      call("POST", "/v1/backups/" + backup_.value + "/verify", "{}", {async});
  expect_async(verified);
  ended_operation_of(verified);
  const HttpAnswer second =
      call("POST", "/v2/redis/create-backup/" + source_.value, R"({"name":"second"})", {async});
  expect_async(second);
  EXPECT_EQ(second.text, "\"OK\"");
  ended_operation_of(second);
  const std::string from = R"({"name":"new","source":{"type":"backup","databaseId":")" +
                           source_.value + R"(","backupId":")" + backup_.value + "\"}}";
  for (const char* path : {"/v1/databases", "/v1/projects/default/databases"}) {
    const HttpAnswer created = call("POST", path, from, {async});
    expect_async(created);
    EXPECT_NE(created.word("data.connections.0.endpoints.direct.connectionString"), "");
    EXPECT_EQ(ended_operation_of(created).state, OperationState::succeeded);
  }
}

TEST_F(AsyncSurfaceTest, AHeldRestoreAndItsCommitAre202) {
  const HttpAnswer held = restore({async, "Prefer: hold=stage"});
  expect_async(held, "hold=stage, respond-async");
  const std::string path = held.header("location");
  ASSERT_TRUE(test::wait_until([&] { return get(path).word("data.phase") == "staged"; }));
  expect_async(call("POST", path + "/commit", "{}", {async}));
  EXPECT_EQ(ended_operation_of(held).state, OperationState::succeeded);
  const HttpAnswer again = second_restore({"Prefer: hold=stage, wait=5, respond-async"});
  expect_async(again, "hold=stage, respond-async");
  expect_async(call("DELETE", again.header("location"), std::nullopt, {async}));
  EXPECT_EQ(ended_operation_of(again).state, OperationState::cancelled);
}

TEST_F(AsyncSurfaceTest, WhereNothingGoesOnNothingChanges) {
  expect_plain(call("POST", "/v1/databases", R"({"name":"empty"})", {async}), 201);
  expect_plain(call("PATCH", "/v1/databases/" + target_.value, R"({"name":"t"})", {async}), 200);
  expect_plain(call("GET", "/v1/databases", std::nullopt, {async}), 200);
  expect_plain(
      call("POST", restore_path(target_) + "/validate", restore_body(source_, backup_), {async}),
      200);
  const HttpAnswer unknown =
      call("POST", restore_path(DatabaseId("nobody")), restore_body(source_, backup_), {async});
  expect_error(unknown, 404, "target-database-not-found");
  EXPECT_EQ(unknown.header("location"), "");
  // Another preference, or one that cannot be read.
  for (const char* prefer : {"Prefer: respond-async=no", "Prefer: respond-async x",
                             "Prefer: x=\"respond-async\"", "Prefer: wait=9; respond-async"}) {
    const HttpAnswer plain = restore({prefer});
    expect_plain(plain, 200);
    ended_operation_of(plain);
  }
  expect_async(restore({"Prefer: wait=9, Respond-Async=\"\"; x=y"}));
}

// RFC 7240, 4.3: who waits too is answered 202 only when the time is over before the work is.
TEST_F(AsyncSurfaceTest, TheSecondSurfaceWaitsFirst) {
  const HttpAnswer done = second_restore({async, "Prefer: wait=30"});
  EXPECT_EQ(done.text, "\"OK\"");
  expect_plain(done, 200, "wait=30");
  expect_async(second_restore({async}));
  ASSERT_TRUE(test::wait_until([&] { return !engine_->database(target_)->operation; }));
  WritePermit permit = engine_->keyspace(target_)->try_begin_write();  // holds the swap up
  const HttpAnswer waited = second_restore({"Prefer: respond-async, wait=1"});
  EXPECT_EQ(waited.text, "\"OK\"");
  expect_async(waited, "wait=1, respond-async");
  permit.release();
  EXPECT_EQ(ended_operation_of(waited).state, OperationState::succeeded);
}

TEST_F(AsyncSurfaceTest, AReplayHasTheFormOfTheFirstAnswer) {
  const HttpAnswer first = restore({async, "Idempotency-Key: one"});
  expect_async(first);
  ended_operation_of(first);
  for (const Headers& headers :
       {Headers{"Idempotency-Key: one"}, Headers{"Idempotency-Key: one", async}}) {
    const HttpAnswer again = restore(headers);
    expect_async(again);
    EXPECT_EQ(again.header("idempotency-replayed"), "true");
    EXPECT_EQ(again.text, first.text);
  }
  const HttpAnswer plain = restore({"Idempotency-Key: two"});
  expect_plain(plain, 200);
  ended_operation_of(plain);
  expect_plain(restore({"Idempotency-Key: two", async}), 200);
  const HttpAnswer waited =
      second_restore({"Idempotency-Key: three", "Prefer: wait=30, respond-async"});
  expect_plain(waited, 200, "wait=30");
  expect_plain(second_restore({"Idempotency-Key: three", async}), 200, "wait=30");
}

// Only what a hold changes is another request with it.
TEST_F(AsyncSurfaceTest, AHoldIsNoPartOfRequestsThatDoNotReadIt) {
  const std::string backups = "/v1/databases/" + source_.value + "/backups";
  const HttpAnswer made =
      call("POST", backups, "{}", {"Idempotency-Key: one", "Prefer: hold=stage"});
  EXPECT_EQ(made.status, 201) << made.text;
  ended_operation_of(made);
  const HttpAnswer again = call("POST", backups, "{}", {"Idempotency-Key: one"});
  EXPECT_EQ(again.header("idempotency-replayed"), "true") << again.text;
  EXPECT_EQ(again.text, made.text);
  const std::string validate = restore_path(target_) + "/validate";
  const std::string body = restore_body(source_, backup_);
  EXPECT_EQ(call("POST", validate, body, {"Idempotency-Key: two"}).status, 200);
  expect_error(call("POST", validate, body, {"Idempotency-Key: two", "Prefer: hold=foo"}), 422,
               "idempotency-key-reused");
}

TEST_F(AsyncSurfaceTest, TheAuditHasTheStatusThatWasAnswered) {
  const HttpAnswer accepted = restore({async});
  ended_operation_of(accepted);
  bool seen = false;
  const HttpAnswer audit = get("/v1/audit");
  for (const auto& entry : audit.at("data").as_array()) {
    const auto& request = entry.at("requestId");  // null: an operation's end
    if (!request.is_string() || request.as_string() != accepted.header("x-request-id")) continue;
    seen = true;
    EXPECT_EQ(entry.at("status"), 202);
  }
  EXPECT_TRUE(seen) << audit.text;
}

}  // namespace
}  // namespace restored::control
