// What a new database's source may look like: what is not valid is 400, what cannot be used 422.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "control_test.h"

namespace restored::control {
namespace {

using CreateSourceTest = ControlTest;

TEST_F(CreateSourceTest, OfAWrongShapeIs400OnBothPaths) {
  for (const char* source :
       {"5", "[]", "\"backup\"", "{}", R"({"type":5})", R"({"type":"file"})",
        R"({"type":"BACKUP"})", R"({"type":"database"})", R"({"type":"database","databaseId":5})",
        R"({"type":"database","databaseId":null})", R"({"type":"backup"})",
        R"({"type":"backup","databaseId":"x"})", R"({"type":"backup","backupId":"y"})",
        R"({"type":"backup","databaseId":"x","backupId":7})",
        R"({"type":"backup","databaseId":{},"backupId":"y"})"}) {
    const std::string body = std::string(R"({"source":)") + source + "}";
    for (const char* path : {"/v1/databases", "/v1/projects/shop/databases"}) {
      SCOPED_TRACE(body);
      const HttpAnswer answer = post(path, body);
      expect_error(answer, 400, "invalid-request");
    }
  }
  for (const char* from :
       {"5", "{}", R"({"id":5})", R"({"backupId":"y"})", R"({"id":"x","backupId":5})"}) {
    SCOPED_TRACE(from);
    expect_error(
        post("/v1/projects/shop/databases", std::string(R"({"fromDatabase":)") + from + "}"), 400,
        "invalid-request");
  }
  EXPECT_TRUE(engine_->databases().empty());
}

TEST_F(CreateSourceTest, WhatCannotBeUsedIs422AndTheRestoreKeepsItsOwnCodes) {
  const DatabaseId source = make_database("source");
  const OperationView failed = [&] {
    const DatabaseId other = make_database("other");
    engine_->set_bandwidth(64 * kKiB);
    write_records(other, "much", 20'000);
    const OperationView begun = engine_->start_backup(other, "", "test").value();
    EXPECT_TRUE(engine_->cancel_operation(begun.id));
    engine_->set_bandwidth(0);
    return ended(begun.id);
  }();
  ASSERT_EQ(failed.state, OperationState::cancelled);
  const std::string body = restore_body(failed.database, failed.backup);
  for (const char* path : {"/v1/databases", "/v1/projects/shop/databases"}) {
    expect_error(post(path, body), 422, "backup-not-usable");
  }
  expect_error(post(restore_path(source), R"({"source":{"type":"file"}})"), 422,
               "unsupported-source-type");
  expect_error(post(restore_path(source), R"({"source":{"type":"backup"}})"), 422,
               "invalid-source");
  EXPECT_EQ(engine_->databases().size(), 2u);
}

// A backup is there for the day on which its database is not.
TEST_F(CreateSourceTest, ABackupOutlivesItsDatabase) {
  const DatabaseId source = make_database("source", 10);
  const BackupId backup = make_backup(source);
  const DatabaseId target = make_database("target", 1);
  const std::string path = "/v1/databases/" + source.value;
  EXPECT_EQ(call("DELETE", path).status, 204);
  EXPECT_EQ(get(path + "/backups/" + backup.value).word("data.id"), backup.value);
  EXPECT_EQ(get(path + "/backups").word("data.0.id"), backup.value);
  expect_error(post(restore_path(target), restore_body(target, backup)), 404, "backup-not-found");
  const HttpAnswer restored = post(restore_path(target), restore_body(source, backup));
  ASSERT_EQ(restored.status, 200) << restored.text;
  EXPECT_EQ(ended_operation_of(restored).state, OperationState::succeeded);
  EXPECT_TRUE(*engine_->keyspace(target)->pin()->get("kkey9"));
}

TEST_F(CreateSourceTest, AProjectIsThereWhileADatabaseNamesIt) {
  EXPECT_EQ(get("/v1/projects/proj_default/databases").status, 200) << "on a fresh host, too";
  EXPECT_EQ(get("/v1/projects/default/databases").status, 200);
  expect_error(get("/v1/projects/proj_shop/databases"), 404, "resource-not-found");
  const HttpAnswer made = post("/v1/databases", R"({"projectId":"proj_shop"})");
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(get("/v1/projects/proj_shop/databases").at("data").as_array().size(), 1u);
  EXPECT_EQ(call("DELETE", "/v1/databases/" + made.word("data.id")).status, 204);
  expect_error(get("/v1/projects/shop/databases"), 404, "resource-not-found");
  EXPECT_TRUE(get("/v1/databases?projectId=shop").at("data").as_array().empty());
}

// What the second contract has and this host cannot do.
TEST_F(CreateSourceTest, RoutesThatChangeNothingHereAreAbsent) {
  const std::string id = make_database("orders").value;
  for (const std::string& path :
       {"enable-tls/" + id, "enable-eviction/" + id, "disable-eviction/" + id,
        "enable-autoupgrade/" + id, "disable-autoupgrade/" + id, id + "/change-plan",
        "update-regions/" + id, std::string("move-to-team")}) {
    expect_second_error(post("/v2/redis/" + path), 404);
  }
  expect_second_error(call("PATCH", "/v2/redis/update-budget/" + id, "{}"), 404);
  EXPECT_EQ(get("/auditlogs").status, 404);
}

}  // namespace
}  // namespace restored::control
