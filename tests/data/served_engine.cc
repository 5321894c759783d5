#include "served_engine.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/log.h"
#include "restore/open_engine.h"

namespace restored::test {
namespace {

template <class T>
T expect(Result<T> result, const char* what) {
  if (!result) log::error("test", "{}: {}", what, result.error().message);
  RESTORED_CHECK(result.has_value(), "the fixture stands");
  return std::move(*result);
}

}  // namespace

data::DataOptions test_options() {
  data::DataOptions options;
  options.listen = "127.0.0.1:0";
  options.threads = 2;
  options.workers = 2;
  return options;
}

ServedEngine::ServedEngine(data::DataOptions options, const restore::EngineSeams& seams) {
  log::set_level(log::Level::error);
  EngineOptions engine_options;
  engine_options.state_directory = directory_.file("state");
  engine_options.repository_url = "file://" + directory_.file("repository");
  engine_options.memory_budget_bytes = limits::memory_budget_bytes_min;
  engine_options.block_cache_bytes = 32 * kMiB;
  engine_options.space_reserve_bytes = 1 * kMiB;
  engine_ = expect(restore::open_engine(engine_options, seams), "engine");
  CreateDatabase request;
  request.name = "test";
  database_ = expect(engine_->create_database(request, "test"), "database");
  if (options.threads == 0) options = test_options();
  options.listen = "127.0.0.1:0";
  server_ = expect(data::DataServer::start(*engine_, options), "server");
}

ServedEngine::~ServedEngine() {
  server_->stop();
  const auto closed = engine_->close();
  EXPECT_TRUE(closed.has_value());
}

RawClient ServedEngine::client() const {
  RawClient client(port());
  const std::string reply = client.call({"AUTH", password()});
  EXPECT_EQ(reply, "+OK\r\n");
  return client;
}

void ServedEngine::wait(const Result<OperationView>& started) {
  ASSERT_TRUE(started.has_value()) << started.error().message;
  const auto ended = engine_->wait_operation(started->id, std::chrono::seconds(60), {});
  ASSERT_TRUE(ended.has_value()) << ended.error().message;
  ASSERT_EQ(ended->state, OperationState::succeeded)
      << (ended->error ? ended->error->message : "it takes too long");
}

BackupId ServedEngine::backup() {
  const auto started = engine_->start_backup(database_.info.id, "", "test");
  wait(started);
  return started ? started->backup : BackupId();
}

void ServedEngine::restore(const BackupId& backup) {
  RestoreRequest request;
  request.target = database_.info.id;
  request.backup = backup;
  request.principal = "test";
  wait(engine_->start_restore(request));
}

void ServedEngine::undo() {
  wait(engine_->start_undo(database_.info.id, "test"));
}

}  // namespace restored::test
