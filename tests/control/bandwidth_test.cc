// Limits on bandwidth: of the agent, and of one operation while it runs.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "control_test.h"

namespace restored::control {
namespace {

const Members limits_members{
    {"type", "string"}, {"bandwidthBytesPerSecond", "integer"}, {"lasts", "string"}};

std::string limit_body(std::uint64_t rate) {
  return R"({"bandwidthBytesPerSecond":)" + std::to_string(rate) + "}";
}

class BandwidthSurfaceTest : public ControlTest {
 protected:
  void configure(EngineOptions& engine, ControlOptions&) override {
    engine.store.bandwidth_bytes_per_second = 512 * kMiB;
  }
  HttpAnswer patch(std::string_view path, const std::string& body) {
    return call("PATCH", path, body);
  }
};

TEST_F(BandwidthSurfaceTest, TheAgentsLimitIsShownAndChangedUntilItsNextStart) {
  const HttpAnswer shown = get("/v1/limits");
  ASSERT_EQ(shown.status, 200) << shown.text;
  expect_members(shown.at("data"), limits_members);
  EXPECT_EQ(shown.at("data.bandwidthBytesPerSecond").to_number<std::uint64_t>(), 512 * kMiB);
  const HttpAnswer changed = patch("/v1/limits", limit_body(64 * kMiB));
  ASSERT_EQ(changed.status, 200) << changed.text;
  expect_members(changed.at("data"), limits_members);
  EXPECT_EQ(engine_->bandwidth(), 64 * kMiB);
  EXPECT_EQ(patch("/v1/limits", limit_body(0)).status, 200);
  EXPECT_EQ(engine_->bandwidth(), 0u);
  stop();
  start();
  EXPECT_EQ(engine_->bandwidth(), 512 * kMiB) << "the configuration's again";
  EXPECT_EQ(call("DELETE", "/v1/limits").header("allow"), "GET, HEAD, PATCH");
}

TEST_F(BandwidthSurfaceTest, WhatIsNoLimitIsRefusedAndChangesNothing) {
  for (const char* body :
       {"{}", R"({"bandwidthBytesPerSecond":-1})", R"({"bandwidthBytesPerSecond":1})",
        R"({"bandwidthBytesPerSecond":"64MiB"})", R"({"bandwidthBytesPerSecond":65535})",
        R"({"bandwidthBytesPerSecond":1e30})", R"({"bandwidthBytesPerSecond":null})"}) {
    expect_error(patch("/v1/limits", body), 422, "invalid-request");
  }
  expect_error(patch("/v1/limits", "no json"), 400, "invalid-request");
  expect_error(patch("/v1/limits", ""), 400, "invalid-request");
  EXPECT_EQ(engine_->bandwidth(), 512 * kMiB);
}

TEST_F(BandwidthSurfaceTest, ReadersSeeLimitsAndOnlyWritersChangeThem) {
  const auto with = [&](std::string_view method, Scope scope) {
    const auto body = method == "GET" ? std::nullopt : std::optional(limit_body(0));
    return call(method, "/v1/limits", body,
                {"Authorization: Bearer " + new_token(static_cast<Scopes>(scope))});
  };
  EXPECT_EQ(with("GET", Scope::read).status, 200);
  expect_error(with("PATCH", Scope::read), 403, "permission-missing");
  expect_error(with("PATCH", Scope::restore), 403, "permission-missing");
  EXPECT_EQ(with("PATCH", Scope::write).status, 200);
}

TEST_F(BandwidthSurfaceTest, ARunningOperationGetsItsOwnLimit) {
  const DatabaseId database = make_database("limited");
  const BackupId backup = make_backup(database);
  // Stands before its swap for as long as the permit is held.
  WritePermit permit = engine_->keyspace(database)->try_begin_write();
  ASSERT_TRUE(permit);
  const HttpAnswer begun = post(restore_path(database), restore_body(database, backup));
  const std::string path = begun.header("operation-location");
  EXPECT_EQ(get(path).at("data.bandwidthBytesPerSecond").as_int64(), 0);
  const HttpAnswer limited = patch(path, limit_body(1 * kMiB));
  ASSERT_EQ(limited.status, 200) << limited.text;
  expect_members(limited.at("data"), operation_members);
  EXPECT_EQ(limited.at("data.bandwidthBytesPerSecond").as_int64(), 1 * kMiB);
  EXPECT_EQ(get(path).at("data.bandwidthBytesPerSecond").as_int64(), 1 * kMiB);
  EXPECT_EQ(engine_->bandwidth(), 512 * kMiB) << "the agent's is another one";
  expect_error(patch(path, "{}"), 422, "invalid-request");
  expect_error(patch(path, limit_body(5)), 422, "invalid-request");
  permit.release();
  EXPECT_EQ(ended(OperationId(path.substr(15))).state, OperationState::succeeded);
  expect_error(patch(path, limit_body(0)), 409, "operation-ended");
  expect_error(patch("/v1/operations/nothing", limit_body(0)), 404, "resource-not-found");
  expect_error(patch("/v1/operations/..%2Fx", limit_body(0)), 404, "resource-not-found");
}

TEST_F(BandwidthSurfaceTest, ABackupMayBeginWithItsLimit) {
  const DatabaseId database = make_database("limited");
  const std::string path = "/v1/databases/" + database.value + "/backups";
  expect_error(post(path, R"({"bandwidthBytesPerSecond":7})"), 422, "invalid-request");
  EXPECT_TRUE(engine_->operations().empty()) << "refused before anything began";
  const HttpAnswer begun = post(path, R"({"name":"slow","bandwidthBytesPerSecond":1073741824})");
  EXPECT_EQ(begun.status, 201) << begun.text;
  expect_members(begun.at("data"), backup_details_members);
  const OperationView ended = ended_operation_of(begun);
  EXPECT_EQ(ended.state, OperationState::succeeded);
  EXPECT_EQ(ended.bandwidth_bytes_per_second, 1 * kGiB) << "however soon it was over";
}

}  // namespace
}  // namespace restored::control
