// A repository that hangs: what does not need it goes on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "control_test.h"
#include "support/wait_until.h"

namespace restored::control {
namespace {

using std::chrono::milliseconds;

// A manifest that is a pipe without a writer: who opens it waits, as on a network file system
// whose server went away.
class HungStoreTest : public ControlTest {
 protected:
  void SetUp() override {
    ControlTest::SetUp();
    database_ = make_database("asked");
    backup_ = make_backup(database_);
    const std::string directory = directory_.file("repository/backups/hung");
    ASSERT_TRUE(std::filesystem::create_directories(directory));
    pipe_ = directory + "/manifest";
    ASSERT_EQ(::mkfifo(pipe_.c_str(), 0600), 0);
    for (unsigned index = 0; index < limits::http_workers; ++index) {
      clients_.emplace_back([this] {
        get("/v1/backups/hung");
        ++answered_;
      });
    }
    ASSERT_TRUE(test::wait_until([this] { return !answers("/v1/backups/" + backup_.value); }))
        << "every thread for the repository is held";
    ASSERT_EQ(answered_, 0u);
  }
  void TearDown() override {
    release();
    ControlTest::TearDown();
  }

  // A writer that comes and goes lets one reader after the other read an empty manifest.
  void release() {
    ASSERT_TRUE(test::wait_until([this] {
      const UniqueFd writer(::open(pipe_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
      return answered_ >= clients_.size();
    }));
    clients_.clear();
  }
  // Within a moment.
  bool answers(const std::string& path) {
    RawClient client(address());
    client.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + admin_ +
                "\r\n\r\n");
    return !client.read_until("\r\n\r\n", milliseconds(500)).empty();
  }

  DatabaseId database_;
  BackupId backup_;
  std::string pipe_;
  std::atomic<unsigned> answered_ = 0;
  std::vector<std::jthread> clients_;
};

TEST_F(HungStoreTest, ProbesOperationsAndCancellingAnswer) {
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_EQ(get("/v1/info").status, 200);
  EXPECT_EQ(get("/v1/databases").status, 200);
  const HttpAnswer list = get("/v1/operations");
  ASSERT_EQ(list.status, 200);
  const std::string operation = "/v1/operations/" + list.word("data.0.id");
  EXPECT_EQ(get(operation).status, 200);
  EXPECT_EQ(get(operation + "/wait").status, 200);
  expect_error(call("DELETE", operation), 409, "operation-ended");
  EXPECT_EQ(answered_, 0u) << "it hung all the time";
}

TEST_F(HungStoreTest, ChangesThatOnlyNeedTheDiskAreMade) {
  const HttpAnswer made = post("/v1/tokens", R"({"name":"leaked","scopes":["read"]})");
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(call("DELETE", "/v1/tokens/" + made.word("data.id")).status, 204);
  EXPECT_EQ(post("/v1/databases/" + database_.value + "/restore/undo", "").status, 409);
  EXPECT_EQ(answered_, 0u) << "it hung all the time";
}

TEST_F(HungStoreTest, WhatWaitedIsAnsweredWhenTheRepositoryIsBack) {
  release();
  EXPECT_EQ(get("/v1/backups/" + backup_.value).status, 200);
}

}  // namespace
}  // namespace restored::control
