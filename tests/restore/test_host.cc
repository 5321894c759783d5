#include "test_host.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>
#include <utility>

#include "base/check.h"
#include "restored/limits.h"
#include "restored/record.h"
#include "test_keys.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

void write(Engine& engine, const DatabaseId& id, const WriteSet& changes) {
  const std::shared_ptr<Keyspace> keyspace = engine.keyspace(id);
  ASSERT_NE(keyspace, nullptr);
  const WritePermit permit = keyspace->try_begin_write();
  ASSERT_TRUE(permit) << "no swap runs now";
  const Result<void> written = keyspace->write(permit, changes, Durability::process);
  ASSERT_TRUE(written) << written.error().message;
}

}  // namespace

Content records(const std::string& prefix, int count, std::uint64_t seed, std::size_t value_bytes) {
  std::mt19937_64 random(seed);
  Content content;
  for (int i = 0; i < count; ++i) {
    std::string value;
    value.reserve(value_bytes + 8);
    while (value.size() < value_bytes) {
      const std::uint64_t word = random();
      for (int byte = 0; byte < 8; ++byte) {
        value.push_back(static_cast<char>((word >> (8 * byte)) & 0xff));
      }
    }
    value.resize(value_bytes);
    content.emplace(fmt::format("{}{:06}", prefix, i), std::move(value));
  }
  return content;
}

TestHost::TestHost(std::string state_directory, const std::string& repository_directory) {
  options.state_directory = std::move(state_directory);
  options.repository_url = "file://" + repository_directory;
  options.memory_budget_bytes = limits::memory_budget_bytes_min;
  options.block_cache_bytes = 8 * kMiB;
  options.space_reserve_bytes = 1 * kMiB;
  options.decode_threads = 2;
  if (!all_hosts_encrypt()) return;
  const fs::path directory = fs::path(options.state_directory).parent_path();
  options.encryption.key_file = (directory / "common-key").string();
  fs::create_directories(directory);
  if (!fs::exists(options.encryption.key_file))
    write_key_file(options.encryption.key_file, common_key_digits);
}

TestHost::~TestHost() {
  if (engine_) close();
}

Result<void> TestHost::try_open() {
  RESTORED_TRY(engine_, restore::open_engine(options, seams));
  return {};
}

void TestHost::open() {
  const Result<void> opened = try_open();
  RESTORED_CHECK(opened, opened ? "" : opened.error().message.c_str());
}

void TestHost::close() {
  const Result<void> closed = try_close();
  EXPECT_TRUE(closed) << closed.error().message;
}

Result<void> TestHost::try_close() {
  Result<void> closed = engine_->close();
  engine_.reset();
  return closed;
}

DatabaseId TestHost::make_database(const std::string& name) {
  CreateDatabase request;
  request.name = name;
  const Result<CreatedDatabase> made = engine_->create_database(request, "test");
  EXPECT_TRUE(made) << made.error().message;
  return made ? made->info.id : DatabaseId();
}

void TestHost::put(const DatabaseId& id, const Content& content) {
  WriteSet changes;
  for (const auto& [key, value] : content) {
    changes.put(record::metadata_key(key),
                record::encode(record::Type::string, std::nullopt, value));
  }
  write(*engine_, id, changes);
}

void TestHost::erase(const DatabaseId& id, const std::vector<std::string>& keys) {
  WriteSet changes;
  for (const std::string& key : keys) changes.erase(record::metadata_key(key));
  write(*engine_, id, changes);
}

Content TestHost::content(const DatabaseId& id) {
  Content content;
  const std::shared_ptr<Keyspace> keyspace = engine_->keyspace(id);
  EXPECT_NE(keyspace, nullptr) << "database " << id.value << " is not served";
  if (!keyspace) return content;
  const Result<std::unique_ptr<RecordCursor>> cursor = keyspace->pin()->cursor();
  EXPECT_TRUE(cursor) << cursor.error().message;
  if (!cursor) return content;
  for ((*cursor)->seek(""); (*cursor)->valid(); (*cursor)->next()) {
    const Result<record::Metadata> metadata = record::decode((*cursor)->value());
    EXPECT_TRUE(metadata) << metadata.error().message;
    const auto key = record::user_key((*cursor)->key());
    EXPECT_TRUE(key.has_value()) << "a record that is not one of ours";
    if (metadata && key) content.emplace(std::string(*key), std::string(metadata->payload));
  }
  const Result<void> status = (*cursor)->status();
  EXPECT_TRUE(status) << status.error().message;
  return content;
}

OperationView TestHost::wait(const OperationId& id) {
  const Result<OperationView> view =
      engine_->wait_operation(id, std::chrono::minutes(1), std::stop_token());
  EXPECT_TRUE(view) << view.error().message;
  EXPECT_NE(view->state, OperationState::running) << "in phase " << name(view->phase);
  return *view;
}

BackupId TestHost::back_up(const DatabaseId& id, const std::string& name) {
  const Result<OperationView> started = engine_->start_backup(id, name, "test");
  EXPECT_TRUE(started) << started.error().message;
  if (!started) return {};
  const OperationView ended = wait(started->id);
  EXPECT_EQ(ended.state, OperationState::succeeded)
      << (ended.error ? ended.error->message : std::string());
  return ended.backup;
}

Result<OperationView> TestHost::start_restore(const DatabaseId& target, const BackupId& backup) {
  return engine_->start_restore({target, {}, backup, "test"});
}

OperationView TestHost::restore(const DatabaseId& target, const BackupId& backup) {
  const Result<OperationView> started = start_restore(target, backup);
  if (started) return wait(started->id);
  OperationView refused;
  refused.state = OperationState::failed;
  refused.error = started.error();
  return refused;
}

std::vector<std::string> TestHost::staged_files(const DatabaseId& id) const {
  std::vector<std::string> files;
  const fs::path staging = fs::path(options.state_directory) / "databases" / id.value / "staging";
  if (!fs::exists(staging)) return files;
  for (const auto& entry : fs::recursive_directory_iterator(staging)) {
    files.push_back(entry.path().string());
  }
  return files;
}

}  // namespace restored::test
