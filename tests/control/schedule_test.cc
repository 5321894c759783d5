// Backups by schedule on both surfaces: switched, told of, made, and marked as such.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/clock.h"
#include "control_test.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

const Members schedule_members{{"type", "string"},           {"databaseId", "string"},
                               {"enabled", "bool"},          {"daily", "bool|null"},
                               {"everySeconds", "integer"},  {"at", "string"},
                               {"spreadSeconds", "integer"}, {"nextAt", "string|null"},
                               {"settledAt", "string"},      {"operationId", "string|null"},
                               {"failedTries", "integer"},   {"error", "object|null"},
                               {"keepDays", "integer"},      {"keepCount", "integer"},
                               {"keepManual", "bool"},       {"retentionError", "object|null"}};

class ScheduleSurfaceTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    database_ = make_database("scheduled");
    path_ = "/v1/databases/db_" + database_.value + "/schedule";
  }
  // Due twelve hours from now, or as a test says.
  void configure(EngineOptions& engine, ControlOptions&) override {
    engine.backups = policy_;
    if (policy_.every_seconds < 24 * 3600) return;
    const auto now = static_cast<std::uint64_t>(system_clock().wall() / 1000);
    engine.backups.at_seconds = (now / 60 * 60 + 12 * 3600) % (24 * 3600);
  }
  HttpAnswer patch(const std::string& body) { return call("PATCH", path_, body); }
  std::string second(std::string_view word) const {
    return "/v2/redis/" + std::string(word) + "-dailybackup/" + database_.value;
  }
  bool told_on_second() {
    return get("/v2/redis/database/" + database_.value).at("daily_backup_enabled").as_bool();
  }

  BackupPolicy policy_;
  DatabaseId database_;
  std::string path_;
};

TEST_F(ScheduleSurfaceTest, TheSecondSurfaceSwitchesItByBothMethods) {
  EXPECT_FALSE(told_on_second());
  for (const char* method : {"PATCH", "POST"}) {
    const HttpAnswer on = call(method, second("enable"));
    EXPECT_EQ(on.status, 200) << on.text;
    EXPECT_EQ(on.text, "\"OK\"");
    EXPECT_TRUE(told_on_second());
    EXPECT_EQ(get(path_).at("data.enabled"), true);
    const HttpAnswer off = call(method, second("disable"), "{}");
    EXPECT_EQ(off.text, "\"OK\"");
    EXPECT_FALSE(told_on_second());
  }
  for (const char* method : {"PATCH", "POST"}) {
    expect_second_error(call(method, "/v2/redis/enable-dailybackup/nobody"), 404);
    expect_second_error(call(method, "/v2/redis/disable-dailybackup/nobody"), 404);
  }
  const std::string reader = basic("me@example.org", new_token(static_cast<Scopes>(Scope::read)));
  expect_second_error(call("PATCH", second("enable"), std::nullopt, {"Authorization: " + reader}),
                      403);
  expect_second_error(call("DELETE", second("enable")), 405);
}

TEST_F(ScheduleSurfaceTest, TheFirstSurfaceTellsAndSwitchesIt) {
  const HttpAnswer before = get(path_);
  ASSERT_EQ(before.status, 200) << before.text;
  expect_members(before.at("data"), schedule_members);
  EXPECT_EQ(before.at("data.enabled"), false);
  EXPECT_TRUE(before.at("data.daily").is_null());
  EXPECT_TRUE(before.at("data.nextAt").is_null());
  EXPECT_EQ(before.at("data.everySeconds").as_int64(), 86400);
  EXPECT_EQ(before.at("data.keepDays").as_int64(), 7);

  const HttpAnswer on = patch(R"({"daily":true})");
  ASSERT_EQ(on.status, 200) << on.text;
  expect_members(on.at("data"), schedule_members);
  EXPECT_EQ(on.at("data.enabled"), true);
  const auto next = from_iso8601(on.word("data.nextAt"));
  ASSERT_TRUE(next);
  EXPECT_GT(*next, system_clock().wall());
  EXPECT_EQ(patch(R"({"daily":null})").at("data.enabled"), false) << "as the configuration says";
  EXPECT_EQ(patch(R"({"daily":false})").at("data.daily"), false);

  for (const char* body : {"{}", R"({"daily":1})", R"({"daily":"on"})"})
    expect_error(patch(body), 422, "invalid-request");
  expect_error(patch("x"), 400, "invalid-request");
  expect_error(get("/v1/databases/nobody/schedule"), 404, "resource-not-found");
  expect_error(call("PATCH", "/v1/databases/nobody/schedule", R"({"daily":true})"), 404,
               "resource-not-found");
}

TEST_F(ScheduleSurfaceTest, TheListTellsTheRetentionInForce) {
  const std::string list = "/v1/databases/" + database_.value + "/backups";
  EXPECT_EQ(get(list).at("meta.backupRetentionDays").as_int64(), 0);
  patch(R"({"daily":true})");
  EXPECT_EQ(get(list).at("meta.backupRetentionDays").as_int64(), 7);
  patch(R"({"daily":false})");
  EXPECT_EQ(get(list).at("meta.backupRetentionDays").as_int64(), 0);
}

class EveryTenSecondsTest : public ScheduleSurfaceTest {
 protected:
  EveryTenSecondsTest() {
    policy_.all_databases = true;
    policy_.every_seconds = 10;
    policy_.spread_seconds = 0;
  }
};

TEST_F(EveryTenSecondsTest, WhatItMakesSaysThatNobodyAskedForIt) {
  EXPECT_TRUE(told_on_second()) << "by the configuration";
  Result<OperationView> started = fail(ErrorCode::internal, "not yet");
  ASSERT_TRUE(test::wait_until([&] {  // a scheduled run may be at it
    started = engine_->start_backup(database_, "made by a test", "test");
    return started || started.error().code != ErrorCode::database_busy;
  }));
  ASSERT_TRUE(started) << started.error().message;
  const OperationView made = ended(started->id);
  ASSERT_EQ(made.state, OperationState::succeeded);
  const BackupId mine = made.backup;
  std::string scheduled;
  ASSERT_TRUE(test::wait_until(
      [&] {
        const std::vector<BackupInfo> backups = engine_->backups(database_).value();
        for (const BackupInfo& info : backups)
          if (info.scheduled && info.status == BackupStatus::completed) scheduled = info.id.value;
        return !scheduled.empty();
      },
      std::chrono::seconds(40)));
  ASSERT_EQ(call("PATCH", second("disable")).status, 200);
  const HttpAnswer details = get("/v1/backups/" + scheduled);
  expect_members(details.at("data"), backup_details_members);
  EXPECT_EQ(details.at("data.scheduled"), true);
  EXPECT_EQ(get("/v1/backups/" + mine.value).at("data.scheduled"), false);
  EXPECT_EQ(get("/v1/operations/" + details.word("data.operationId")).word("data.principal"),
            "schedule");
  const HttpAnswer list = get("/v2/redis/list-backup/" + database_.value);
  ASSERT_TRUE(list.body.is_array()) << list.text;
  for (const auto& item : list.body.as_array()) {
    const bool by_schedule = item.at("backup_id").as_string() != mine.value;
    EXPECT_EQ(item.at("daily_backup").as_string(), by_schedule ? "true" : "false");
    EXPECT_EQ(item.at("hourly_backup").as_string(), "false");
  }
}

}  // namespace
}  // namespace restored::control
