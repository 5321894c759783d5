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

}  // namespace
}  // namespace restored::control
