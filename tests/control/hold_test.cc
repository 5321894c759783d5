// Restores in two phases over HTTP: Prefer: hold=stage, and the commit.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "control_test.h"
#include "restore_pair.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

class HoldSurfaceTest : public RestorePairTest {
 protected:
  // Its path, once it is staged.
  std::string staged(const HttpAnswer& accepted, int status = 200,
                     const std::string& applied = "hold=stage") {
    EXPECT_EQ(accepted.status, status) << accepted.text;
    EXPECT_EQ(accepted.header("preference-applied"), applied);
    const std::string path = accepted.header("operation-location");
    EXPECT_TRUE(test::wait_until([&] { return get(path).word("data.phase") == "staged"; }));
    return path;
  }
  void expect_old_content() {
    EXPECT_FALSE(*engine_->keyspace(target_)->pin()->get("kkey9"));
    EXPECT_TRUE(*engine_->keyspace(target_)->pin()->get("kkey1"));
  }
  void expect_nothing_begun() {
    for (const OperationView& view : engine_->operations()) {
      EXPECT_EQ(view.kind, OperationKind::backup);
    }
    expect_old_content();
  }
  std::string id(const std::string& path) const { return path.substr(path.rfind('/') + 1); }
};

TEST_F(HoldSurfaceTest, IsStagedThenCommittedAndTheCommitMayBeRepeated) {
  const std::string path = staged(restore({"Prefer: hold=stage"}));
  const HttpAnswer shown = get(path);
  expect_members(shown.at("data"), operation_members);
  EXPECT_EQ(shown.word("data.status"), "running");
  EXPECT_TRUE(shown.at("data.heldUntil").is_string());
  EXPECT_TRUE(shown.at("data.queuePosition").is_null());
  EXPECT_EQ(shown.at("data.mayCancel"), true);
  EXPECT_EQ(get("/v1/databases/" + target_.value).word("data.status"), "recovering");
  expect_old_content();
  expect_error(restore({}), 409, "database-recovering");

  const HttpAnswer committed = post(path + "/commit", "");
  ASSERT_EQ(committed.status, 200) << committed.text;
  expect_members(committed.at("data"), operation_members);
  EXPECT_TRUE(committed.at("data.heldUntil").is_null());
  EXPECT_EQ(committed.header("operation-location"), path);
  EXPECT_EQ(ended(OperationId(id(path))).state, OperationState::succeeded);
  const HttpAnswer again = post(path + "/commit");
  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(again.word("data.status"), "succeeded");
  EXPECT_TRUE(*engine_->keyspace(target_)->pin()->get("kkey9"));
}

TEST_F(HoldSurfaceTest, TheSecondSurfaceHoldsToo) {
  const HttpAnswer accepted = second_restore({"Prefer: wait=60, hold=stage"});
  EXPECT_EQ(accepted.text, "\"OK\"");
  const std::string path = staged(accepted);
  expect_old_content();
  EXPECT_EQ(post(path + "/commit").status, 200);
  EXPECT_EQ(ended(OperationId(id(path))).state, OperationState::succeeded);
  expect_second_error(second_restore({"Prefer: hold=foo"}), 400);
}

TEST_F(HoldSurfaceTest, OfSeveralHeadersAllCount) {
  const std::string path =
      staged(restore({"Prefer: respond-async", "Prefer: wait=1", "Prefer: hold=stage"}), 202,
             "hold=stage, respond-async");
  EXPECT_EQ(call("DELETE", path).status, 202);
  EXPECT_EQ(ended(OperationId(id(path))).state, OperationState::cancelled);
  expect_old_content();
}

TEST_F(HoldSurfaceTest, AHoldThatIsNotKnownBeginsNothing) {
  for (const char* prefer : {"Prefer: hold=foo", "Prefer: hold", "Prefer: hold=\"stage",
                             "Prefer: wait=1, hold=\"stage", "Prefer: hold=stage x"}) {
    expect_error(restore({prefer}), 422, "invalid-request");
    expect_second_error(second_restore({prefer}), 400);
  }
  expect_error(restore({"Prefer: wait=\"1", "Prefer: hold=stage"}), 422, "invalid-request");
  expect_nothing_begun();
}

// A semicolon where a comma was meant must not swap at once.
TEST_F(HoldSurfaceTest, AParameterOfAnotherPreferenceBeginsNothing) {
  for (const char* prefer : {"Prefer: respond-async; hold=stage", "Prefer: wait=5; hold=stage"}) {
    expect_error(restore({prefer}), 422, "invalid-request");
    expect_second_error(second_restore({prefer}), 400);
  }
  expect_nothing_begun();
}

TEST_F(HoldSurfaceTest, AnUndoIsNotHeldAndOtherRequestsDoNotMind) {
  ended_operation_of(restore({}));
  const std::string undo = restore_path(target_) + "/undo";
  for (const char* prefer : {"Prefer: hold=stage", "Prefer: hold=foo", "Prefer: hold=\"stage"}) {
    expect_error(call("POST", undo, "", {prefer}), 422, "invalid-request");
  }
  EXPECT_TRUE(*engine_->keyspace(target_)->pin()->get("kkey9")) << "nothing was swapped back";
  const HttpAnswer preview = call("POST", restore_path(target_) + "/validate",
                                  restore_body(source_, backup_), {"Prefer: hold=stage"});
  EXPECT_EQ(preview.status, 200) << preview.text;
  EXPECT_EQ(preview.header("preference-applied"), "");
  expect_error(call("POST", restore_path(target_) + "/validate", restore_body(source_, backup_),
                    {"Prefer: hold=foo"}),
               422, "invalid-request");
  const HttpAnswer backup =
      call("POST", "/v1/databases/" + target_.value + "/backups", "{}", {"Prefer: hold=stage"});
  EXPECT_EQ(backup.status, 201) << backup.text;
  EXPECT_EQ(ended_operation_of(backup).state, OperationState::succeeded);
}

TEST_F(HoldSurfaceTest, WhatDoesNotHoldOrHasEndedIs409) {
  const OperationView plain = ended_operation_of(restore({}));
  expect_error(post("/v1/operations/" + plain.id.value + "/commit"), 409, "operation-not-held");
  expect_error(post("/v1/operations/nothing/commit"), 404, "resource-not-found");
  const std::string path = staged(restore({"Prefer: hold=stage"}));
  expect_error(post(path + "/commit", "["), 400, "invalid-request");
  const std::string reader =
      new_token(static_cast<Scopes>(Scope::read) | static_cast<Scopes>(Scope::write));
  expect_error(call("POST", path + "/commit", "{}", {"Authorization: Bearer " + reader}), 403,
               "permission-missing");
  EXPECT_EQ(call("DELETE", path).status, 202);
  expect_error(post(path + "/commit"), 409, "operation-ended");
  ended(OperationId(id(path)));
  expect_error(post(path + "/commit"), 409, "operation-ended");
}

TEST_F(HoldSurfaceTest, ARestartKeepsItAndItsTime) {
  const std::string path = staged(restore({"Prefer: hold=stage"}));
  const std::string until = get(path).word("data.heldUntil");
  stop();
  start();
  EXPECT_TRUE(test::wait_until([&] { return get(path).word("data.phase") == "staged"; }));
  EXPECT_EQ(get(path).word("data.heldUntil"), until);
  expect_old_content();
  EXPECT_EQ(post(path + "/commit").status, 200);
  EXPECT_EQ(ended(OperationId(id(path))).state, OperationState::succeeded);
}

TEST_F(HoldSurfaceTest, AKeyedRestoreIsAnotherOneWithAHold) {
  const auto keyed = [&](const char* key, const Headers& prefer) {
    Headers headers = prefer;
    headers.push_back(std::string("Idempotency-Key: ") + key);
    return restore(headers);
  };
  const HttpAnswer first = keyed("one", {"Prefer: hold=stage"});
  const std::string path = staged(first);
  const HttpAnswer again = keyed("one", {"Prefer: wait=3, hold=\"stage\""});
  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(again.header("idempotency-replayed"), "true");
  EXPECT_EQ(again.header("preference-applied"), "hold=stage");
  EXPECT_EQ(again.header("operation-location"), path);
  EXPECT_EQ(again.text, first.text);
  for (const Headers& other : {Headers{}, Headers{"Prefer: hold=foo"}, Headers{"Prefer: hold"}}) {
    expect_error(keyed("one", other), 422, "idempotency-key-reused");
  }
  EXPECT_EQ(post(path + "/commit").status, 200);
  ended(OperationId(id(path)));
  const HttpAnswer plain = keyed("two", {});
  EXPECT_EQ(plain.status, 200) << plain.text;
  ended_operation_of(plain);
  EXPECT_EQ(keyed("two", {"Prefer: wait=5"}).header("preference-applied"), "");
  expect_error(keyed("two", {"Prefer: hold=stage"}), 422, "idempotency-key-reused");
}

}  // namespace
}  // namespace restored::control
