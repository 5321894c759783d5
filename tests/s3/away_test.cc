// An agent whose repository cannot be reached: it serves its databases, says what is wrong, and
// goes on when the repository is back.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "restored/limits.h"
#include "s3_server/fault_server.h"
#include "step_gate.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"
#include "test_host.h"
#include "test_keys.h"

namespace restored::test {
namespace {

using s3_server::FaultServer;
using s3_server::ServerOptions;

class AwayTest : public ::testing::Test {
 protected:
  AwayTest() {
    write_file(directory_.file("secret"), "a-secret");
    host_.options.repository_url = "s3://backups/host";
    host_.options.store.s3.endpoint = server_->endpoint();
    host_.options.store.s3.region = "default";
    host_.options.store.s3.access_key_id = "AKEXAMPLE";
    host_.options.store.s3.secret_access_key_file = directory_.file("secret");
    host_.options.store.retry_seconds = 1;
  }
  void stop_server() { server_.reset(); }
  void start_server() {
    ServerOptions options;
    options.port = port_;
    server_ = FaultServer::start(options);
    ASSERT_NE(server_, nullptr);
  }
  bool usable() { return !host_.engine().engine_facts().repository_error.has_value(); }

  const TemporaryDirectory directory_;
  std::unique_ptr<FaultServer> server_ = FaultServer::start({});
  const std::uint16_t port_ = server_->port();
  TestHost host_{directory_.file("state"), directory_.file("unused")};
};

TEST_F(AwayTest, DatabasesAreServedAndTheRepositoryIsUsedOnceItIsBack) {
  stop_server();
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  const Content content = records("key", 100);
  host_.put(id, content);
  EXPECT_EQ(host_.content(id), content);

  const auto error = host_.engine().engine_facts().repository_error;
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::object_store_unavailable);
  EXPECT_NE(error->message.find("127.0.0.1:" + std::to_string(port_)), std::string::npos)
      << error->message;
  const auto backup = host_.engine().start_backup(id, "", "test");
  ASSERT_TRUE(backup);
  const OperationView failed = host_.wait(backup->id);
  EXPECT_EQ(failed.state, OperationState::failed);
  EXPECT_EQ(failed.error->code, ErrorCode::object_store_unavailable);
  EXPECT_FALSE(host_.engine().backups(id));

  start_server();
  server_->objects().make_bucket("backups");
  ASSERT_TRUE(wait_until([&] { return usable(); }, std::chrono::seconds(40)));
  const BackupId made = host_.back_up(id);
  EXPECT_EQ(host_.restore(id, made).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(id), content);
  host_.close();
}

TEST_F(AwayTest, ABucketThatIsMissingIsNamedAndUsedOnceItIsMade) {
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  const auto error = host_.engine().engine_facts().repository_error;
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::store_misconfigured);
  EXPECT_NE(error->message.find("NoSuchBucket"), std::string::npos) << error->message;
  EXPECT_NE(error->hint_text().find("Create the bucket"), std::string::npos);
  server_->objects().make_bucket("backups");
  host_.back_up(id);  // needs no wait: it looks again
  EXPECT_TRUE(usable());
  host_.close();
}

TEST_F(AwayTest, AnEmptiedBucketIsNotBegunAnew) {
  server_->objects().make_bucket("backups");
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  host_.close();
  stop_server();
  start_server();
  server_->objects().make_bucket("backups");
  host_.open();
  const auto error = host_.engine().engine_facts().repository_error;
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("there is nothing at s3://backups/host"), std::string::npos)
      << error->message;
  EXPECT_NE(error->hint_text().find("s3.endpoint"), std::string::npos) << error->hint_text();
  const auto backup = host_.engine().start_backup(id, "", "test");
  ASSERT_TRUE(backup);
  EXPECT_EQ(host_.wait(backup->id).state, OperationState::failed);
  host_.close();
}

TEST_F(AwayTest, ARestoreThatGoesOnAfterARestartSaysThatItWaitsForTheRepository) {
  StepGate gate("restore.run.after-reserve");
  server_->objects().make_bucket("backups");
  host_.options.store.retry_seconds = 120;
  host_.seams.step = gate.hook();
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  host_.put(id, records("key", 100));
  const auto running = host_.start_restore(id, host_.back_up(id));
  ASSERT_TRUE(running) << running.error().message;
  ASSERT_TRUE(gate.wait_reached());
  s3_server::FaultMix never_answers;
  never_answers[s3_server::Fault::stall] = 1;
  server_->set_faults(never_answers, 1);
  {
    const std::jthread closing([&] { host_.close(); });
    gate.let_go();
  }
  host_.seams.step = nullptr;

  stop_server();
  host_.open();
  const std::string place = "127.0.0.1:" + std::to_string(port_);
  EXPECT_TRUE(wait_until([&] {
    const OperationView view = host_.engine().operation(running->id).value();
    return view.waiting_on.find(place) != std::string::npos && view.waiting_attempts > 0;
  })) << host_.engine().operation(running->id)->waiting_on;
  ASSERT_TRUE(host_.engine().cancel_operation(running->id));
  EXPECT_EQ(host_.wait(running->id).state, OperationState::cancelled);
  host_.close();
}

// A restart with a wrong key, or another mistake that the operator can mend, throws away nothing:
// the restore waits, tells why, counts no attempt, and goes on with what it had staged.
TEST_F(AwayTest, ARestoreThatGoesOnWithAWrongKeyWaitsForTheRightOne) {
  const std::string right = new_key_file(directory_.file("right"));
  StepGate gate("restore.run.after-fetch");
  server_->objects().make_bucket("backups");
  host_.options.encryption.key_file = right;
  host_.seams.step = gate.hook();
  host_.open();
  const DatabaseId id = host_.make_database("orders");
  const Content then = records("key", 1000, 1);
  host_.put(id, then);
  const BackupId backup = host_.back_up(id);
  host_.put(id, records("key", 1000, 2));
  const Content now = host_.content(id);
  // Other files than the backup's, so that there is something to fetch.
  const DatabaseId target = host_.make_database("copy");
  host_.put(target, now);
  const auto running = host_.start_restore(target, backup);
  ASSERT_TRUE(running) << running.error().message;
  ASSERT_TRUE(gate.wait_reached());
  {
    const std::jthread closing([&] { host_.close(); });
    gate.let_go();
  }
  host_.seams.step = nullptr;
  const auto staged = host_.staged_files(target);
  ASSERT_FALSE(staged.empty());

  const auto waits_for = [&](const std::string& reason) {
    host_.open();
    EXPECT_TRUE(wait_until([&] {
      return host_.engine().operation(running->id)->waiting_on.find(reason) != std::string::npos;
    })) << host_.engine().operation(running->id)->waiting_on;
    const OperationView view = host_.engine().operation(running->id).value();
    EXPECT_EQ(view.state, OperationState::running);
    EXPECT_EQ(view.attempts, 1u);
    EXPECT_TRUE(view.may_cancel);
    EXPECT_EQ(host_.content(target), now) << "the old data is served";
    EXPECT_TRUE(host_.engine().engine_facts().repository_error);
    host_.close();
    EXPECT_EQ(host_.staged_files(target), staged);
  };
  host_.options.encryption.key_file = new_key_file(directory_.file("wrong"));
  for (std::uint32_t start = 0; start < limits::restore_attempts_max; ++start)
    waits_for("opens data key");
  host_.options.encryption.key_file.clear();
  waits_for("this agent has no key");
  host_.options.encryption.key_file = right;
  host_.options.repository_url = "s3://nowhere/host";
  waits_for("NoSuchBucket");
  host_.options.repository_url = "s3://backups/host";
  const auto elsewhere = FaultServer::start({});
  elsewhere->objects().make_bucket("backups");
  host_.options.store.s3.endpoint = elsewhere->endpoint();
  waits_for("there is nothing at s3://backups/host");
  host_.options.store.s3.endpoint = server_->endpoint();

  host_.open();
  EXPECT_EQ(host_.wait(running->id).state, OperationState::succeeded);
  EXPECT_EQ(host_.engine().operation(running->id)->attempts, 2u);
  EXPECT_EQ(host_.content(target), then);
  host_.close();
}

TEST_F(AwayTest, AStartIsNotDelayedByAServerThatNeverAnswers) {
  server_->objects().make_bucket("backups");
  s3_server::FaultMix mix;
  mix[s3_server::Fault::stall] = 1;
  server_->set_faults(mix, 1);
  const auto begin = std::chrono::steady_clock::now();
  host_.open();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  EXPECT_FALSE(usable());
  const auto closing = std::chrono::steady_clock::now();
  host_.close();
  EXPECT_LT(std::chrono::steady_clock::now() - closing, std::chrono::seconds(3));
}

}  // namespace
}  // namespace restored::test
