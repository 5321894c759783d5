// A new database from the live content of another one, without a store and without disturbing it.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <thread>

#include "step_gate.h"
#include "support/wait_until.h"
#include "test_host.h"
#include "watched_store.h"

namespace restored::test {
namespace {

class CloneTest : public ::testing::Test {
 protected:
  void open_with_source() {
    host_.seams.wrap_store = watch_.wrap();
    host_.open();
    source_ = host_.make_database("source");
    content_ = records("key", 200);
    host_.put(source_, content_);
  }
  void reopen() {
    host_.close();
    host_.open();
  }
  static CreateDatabase request(const DatabaseId& source, const std::string& seed = "") {
    CreateDatabase request;
    request.name = "clone";
    request.from_database = SourceDatabase{source};
    if (!seed.empty()) request.intent = Intent{std::string(32, 'x') + seed};
    return request;
  }
  Result<CreatedDatabase> clone(const DatabaseId& source, const std::string& seed = "") {
    return host_.engine().create_database(request(source, seed), "test");
  }
  std::string hash(const DatabaseId& id) {
    return host_.engine().live_content(id, {})->facts.stored.hash();
  }
  void expect_clone_of(const DatabaseId& clone, const DatabaseId& source) {
    const DatabaseInfo info = host_.engine().database(clone).value();
    EXPECT_EQ(info.status, DatabaseStatus::ready);
    ASSERT_TRUE(std::holds_alternative<SourceDatabase>(info.source));
    EXPECT_EQ(std::get<SourceDatabase>(info.source).database, source);
    EXPECT_TRUE(host_.staged_files(clone).empty());
  }

  const TemporaryDirectory directory_;
  StoreWatch watch_;
  TestHost host_{directory_.file("state"), directory_.file("repository")};
  DatabaseId source_;
  Content content_;
};

TEST_F(CloneTest, HasTheSourcesContentWithoutAskingTheStore) {
  open_with_source();
  const std::string before = hash(source_);
  const DatabaseInfo source = host_.engine().database(source_).value();
  watch_.clear();
  const CreatedDatabase made = clone(source_).value();
  EXPECT_EQ(made.info.status, DatabaseStatus::provisioning);
  ASSERT_TRUE(std::holds_alternative<SourceDatabase>(made.info.source));
  const OperationView ended = host_.wait(*made.operation);
  EXPECT_EQ(ended.state, OperationState::succeeded);
  EXPECT_EQ(ended.source_database, source_);
  EXPECT_TRUE(ended.backup.empty());
  EXPECT_EQ(ended.bytes_done, ended.bytes_total);
  for (const char* call : {"stat", "read", "get", "put", "upload", "remove", "list"})
    EXPECT_EQ(watch_.count(call), 0) << call;
  expect_clone_of(made.info.id, source_);
  EXPECT_EQ(hash(made.info.id), before);
  EXPECT_EQ(host_.content(made.info.id), content_);
  EXPECT_EQ(host_.engine().database(source_)->generation, source.generation);
  EXPECT_TRUE(host_.engine().authenticate("", made.connection.password));

  // From here on they are two.
  host_.put(source_, records("later", 20));
  host_.erase(made.info.id, {content_.begin()->first});
  EXPECT_EQ(host_.content(made.info.id).size(), content_.size() - 1);
  EXPECT_EQ(host_.content(source_).size(), content_.size() + 20);
  reopen();
  expect_clone_of(made.info.id, source_);
  ASSERT_TRUE(host_.engine().remove_database(source_));
  reopen();
  EXPECT_EQ(host_.content(made.info.id).size(), content_.size() - 1);
}

// Each record is written when the one before it is, so the content of any one moment is the first
// so many of them, and a reference database with those has the same hash.
TEST_F(CloneTest, IsOfOneMomentWhileClientsWrite) {
  open_with_source();
  constexpr int rounds = 4;
  constexpr int round_records = 4000;  // far more than a clone takes time for
  std::atomic<int> written = 0;
  std::atomic<int> allowed = 0;
  int during_clones = 0;
  const auto numbered = [](int number) {
    return Content{
        {fmt::format("n{:07}", number), std::string(100, static_cast<char>('a' + number % 26))}};
  };
  std::jthread writer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (written >= allowed) {
        std::this_thread::yield();
        continue;
      }
      host_.put(source_, numbered(written));
      ++written;
    }
  });
  for (int round = 0; round < rounds; ++round) {
    allowed += round_records;
    ASSERT_TRUE(wait_until([&] { return written > allowed - round_records + 100; }));
    const int before = written;
    const CreatedDatabase made = clone(source_).value();
    ASSERT_EQ(host_.wait(*made.operation).state, OperationState::succeeded);
    const int after = written;
    during_clones += after - before;
    const int there = static_cast<int>(host_.content(made.info.id).size() - content_.size());
    EXPECT_GE(there, before) << "what was acknowledged before is there";
    EXPECT_LE(there, after + 1);
    const DatabaseId reference = host_.make_database("reference");
    host_.put(reference, content_);
    Content first;
    for (int number = 0; number < there; ++number) first.merge(numbered(number));
    host_.put(reference, first);
    EXPECT_EQ(hash(made.info.id), hash(reference));
  }
  EXPECT_GT(during_clones, 0) << "nobody waited for a clone";
  EXPECT_EQ(host_.engine().database(source_)->status, DatabaseStatus::ready);
}

TEST_F(CloneTest, OfADatabaseUnderRestoreHasItsOldContent) {
  StepGate gate("restore.run.after-verify");
  host_.seams.step = gate.hook();
  open_with_source();
  const BackupId backup = host_.back_up(source_);
  host_.put(source_, records("old", 30));
  const Content old = host_.content(source_);
  const OperationView restore = host_.start_restore(source_, backup).value();
  ASSERT_TRUE(gate.wait_reached());
  const CreatedDatabase made = clone(source_).value();
  EXPECT_EQ(host_.wait(*made.operation).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(made.info.id), old);
  EXPECT_EQ(host_.engine().operation(restore.id)->state, OperationState::running);
  gate.let_go();
  EXPECT_EQ(host_.wait(restore.id).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(source_), content_);
  EXPECT_EQ(host_.content(made.info.id), old);
}

TEST_F(CloneTest, OfAnEmptyDatabaseIsEmptyAndSaysWhoseItIs) {
  open_with_source();
  const DatabaseId empty = host_.make_database("empty");
  const CreatedDatabase made = clone(empty).value();
  EXPECT_EQ(host_.wait(*made.operation).state, OperationState::succeeded);
  expect_clone_of(made.info.id, empty);
  EXPECT_TRUE(host_.content(made.info.id).empty());
}

TEST_F(CloneTest, IsRefusedWhereThereIsNothingToClone) {
  StepGate gate("restore.clone.after-export");
  host_.seams.step = gate.hook();
  open_with_source();
  EXPECT_EQ(clone(DatabaseId("nobody")).error().code, ErrorCode::source_database_not_found);
  const CreatedDatabase being_made = clone(source_).value();
  ASSERT_TRUE(gate.wait_reached());
  EXPECT_EQ(clone(being_made.info.id).error().code, ErrorCode::database_provisioning);
  EXPECT_EQ(host_.engine().databases().size(), 2u) << "the refused ones left nothing";
  ASSERT_TRUE(host_.engine().cancel_operation(*being_made.operation));
  gate.let_go();
  EXPECT_EQ(host_.wait(*being_made.operation).state, OperationState::cancelled);
  const DatabaseInfo failed = host_.engine().database(being_made.info.id).value();
  EXPECT_EQ(failed.status, DatabaseStatus::failure);
  EXPECT_TRUE(std::holds_alternative<SourceDatabase>(failed.source));
  EXPECT_TRUE(host_.staged_files(being_made.info.id).empty());
  EXPECT_EQ(clone(being_made.info.id).error().code, ErrorCode::not_restorable);
  ASSERT_TRUE(host_.engine().remove_database(being_made.info.id));
}

TEST_F(CloneTest, IsRefusedWithoutRoomForItsContent) {
  open_with_source();
  host_.close();
  host_.options.space_reserve_bytes = 1ull << 60;
  host_.open();
  const auto refused = clone(source_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::insufficient_space);
  EXPECT_EQ(host_.engine().databases().size(), 1u);
}

TEST_F(CloneTest, AskedForAgainIsTheSameOne) {
  open_with_source();
  const CreatedDatabase made = clone(source_, "a").value();
  EXPECT_EQ(host_.wait(*made.operation).state, OperationState::succeeded);
  reopen();
  const CreatedDatabase again = clone(source_, "a").value();
  EXPECT_EQ(again.info.id, made.info.id);
  EXPECT_EQ(again.operation, made.operation);
  EXPECT_EQ(again.connection.password, made.connection.password);
  EXPECT_EQ(host_.engine().databases().size(), 2u);
}

class ClonePlaceTest : public CloneTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(ClonePlaceTest, ThatAStopCutsOffGoesOnAtTheNextStart) {
  StepGate gate(GetParam());
  host_.seams.step = gate.hook();
  open_with_source();
  const DatabaseId id = [&] {
    std::jthread letting_go;
    Result<CreatedDatabase> made = fail(ErrorCode::internal, "not yet");
    std::jthread creator([&] { made = clone(source_, "a"); });
    EXPECT_TRUE(gate.wait_reached());
    letting_go = std::jthread([&] { gate.let_go(); });
    creator.join();
    letting_go.join();
    host_.close();
    return made ? made->info.id : DatabaseId();
  }();
  host_.seams.step = {};
  host_.open();
  ASSERT_EQ(host_.engine().operations().size(), 1u);
  EXPECT_EQ(host_.wait(host_.engine().operations().front().id).state, OperationState::succeeded);
  expect_clone_of(id, source_);
  EXPECT_EQ(host_.content(id), content_);
  EXPECT_EQ(clone(source_, "a")->info.id, id);
}

INSTANTIATE_TEST_SUITE_P(
    Everywhere, ClonePlaceTest,
    ::testing::Values("restore.clone.after-record", "restore.clone.after-export",
                      "restore.clone.after-ingest", "restore.clone.after-swap"),
    [](const auto& place) {
      std::string word = place.param;
      std::ranges::replace_if(word, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
      return word;
    });

TEST_F(CloneTest, OfASourceThatIsDeletedMeanwhileIsWhole) {
  StepGate gate("restore.clone.after-record");
  host_.seams.step = gate.hook();
  open_with_source();
  Result<CreatedDatabase> made = fail(ErrorCode::internal, "not yet");
  std::jthread creator([&] { made = clone(source_); });
  ASSERT_TRUE(gate.wait_reached());
  ASSERT_TRUE(host_.engine().remove_database(source_));
  gate.let_go();
  creator.join();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(host_.wait(*made->operation).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(made->info.id), content_);
  EXPECT_TRUE(wait_until([&] {
    return !std::filesystem::exists(host_.state_directory() + "/databases/" + source_.value);
  }));
}

TEST_F(CloneTest, BackupsOfItShareWhatTheSourceHasStored) {
  open_with_source();
  host_.back_up(source_);
  const CreatedDatabase made = clone(source_).value();
  ASSERT_EQ(host_.wait(*made.operation).state, OperationState::succeeded);
  watch_.clear();
  const BackupId backup = host_.back_up(made.info.id);
  const BackupInfo info = host_.engine().backup(backup).value();
  EXPECT_EQ(info.uploaded_bytes, 0u);
  EXPECT_TRUE(info.incremental);
  EXPECT_EQ(watch_.count("upload"), 0);
  host_.put(made.info.id, records("more", 10));
  EXPECT_EQ(host_.restore(made.info.id, backup).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(made.info.id), content_);
}

}  // namespace
}  // namespace restored::test
