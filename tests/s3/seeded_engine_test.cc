// The whole engine against the server that fails in every way at once: a restore ends right, or
// with a clear error and the old data; a backup that is said to be complete is complete.
#include <gtest/gtest.h>

#include "backup/repository.h"
#include "clean_backup.h"
#include "seeded_runs.h"
#include "test_host.h"

namespace restored::test {
namespace {

using s3_server::FaultServer;

class SeededEngineTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(server_, nullptr);
    server_->objects().make_bucket(bucket);
    // The engine opens a directory of its own, and gets the server instead.
    host_.seams.wrap_store = [this](std::unique_ptr<ObjectStore>) { return open_quick(*server_); };
    host_.open();
    id_ = host_.make_database("orders");
  }
  std::string printed(std::uint64_t seed, const OperationView& view) const {
    std::string text = "RESTORED_S3_SEED=" + std::to_string(seed) + ": " +
                       std::string(name(view.state)) + " in " + std::string(name(view.phase)) +
                       (view.error ? ": " + view.error->message : std::string()) + "\n";
    for (const std::string& line : server_->log()) text += line + "\n";
    return text;
  }
  // Cleanly, and every frame of it.
  Result<void> verify(const BackupId& backup) {
    server_->no_faults();
    return restorer_.verify(*open_quick(*server_), backup, {});
  }

  const std::unique_ptr<FaultServer> server_ = FaultServer::start({});
  const TemporaryDirectory directory_{memory_directory()};
  TestHost host_{directory_.file("state"), directory_.file("unused")};
  DatabaseId id_;
  FileRestorer restorer_;
};

TEST_F(SeededEngineTest, RestoreEndsRightOrKeepsTheOldDataAndSaysWhy) {
  const Content wanted = records("a", 8'000, 1, 500);
  host_.put(id_, wanted);
  const BackupId backup = host_.back_up(id_);
  const SeedRange range = seeds(60, 1000);
  Outcomes outcomes;
  for (std::uint64_t seed = range.begin; seed < range.end; ++seed) {
    host_.put(id_, records("late", 20, seed));
    const Content old = host_.content(id_);
    server_->set_faults(usual_mix(seed), seed);
    const OperationView view = host_.restore(id_, backup);
    if (view.state == OperationState::succeeded) {
      outcomes.add("right");
      EXPECT_TRUE(host_.content(id_) == wanted) << printed(seed, view);
    } else {
      ASSERT_TRUE(view.error) << printed(seed, view);
      outcomes.add(std::string(facts(view.error->code).name));
      EXPECT_EQ(unclear(*view.error), "") << printed(seed, view);
      EXPECT_TRUE(host_.content(id_) == old) << printed(seed, view);
    }
    EXPECT_EQ(server_->count(s3_server::Kind::list), 0u) << printed(seed, view);
    EXPECT_TRUE(host_.staged_files(id_).empty()) << printed(seed, view);
  }
  outcomes.print("restores of the engine");
  server_->no_faults();
  EXPECT_EQ(host_.restore(id_, backup).state, OperationState::succeeded);
  EXPECT_TRUE(host_.content(id_) == wanted);
}

TEST_F(SeededEngineTest, BackupThatIsSaidToBeCompleteIsComplete) {
  const SeedRange range = seeds(60, 1000);
  Outcomes outcomes;
  std::vector<BackupId> complete;
  for (std::uint64_t seed = range.begin; seed < range.end; ++seed) {
    // Every fourth is large enough to go in parts.
    const bool large = seed % 4 == 0;
    host_.put(id_, records("b" + std::to_string(seed % 16), large ? 24'000 : 500, seed, 500));
    server_->set_faults(usual_mix(seed), seed);
    const auto started = host_.engine().start_backup(id_, "", "test");
    ASSERT_TRUE(started) << started.error().message;
    const OperationView view = host_.wait(started->id);
    if (view.state == OperationState::succeeded) {
      outcomes.add("right");
      complete.push_back(view.backup);
    } else {
      ASSERT_TRUE(view.error) << printed(seed, view);
      outcomes.add(std::string(facts(view.error->code).name));
      EXPECT_EQ(unclear(*view.error), "") << printed(seed, view);
    }
    const std::string what = printed(seed, view);
    const Result<void> verified = verify(view.backup);
    // One that failed while its manifest was written may be there; then it is whole.
    if (verified) continue;
    EXPECT_NE(view.state, OperationState::succeeded) << verified.error().message << "\n" << what;
    EXPECT_EQ(verified.error().code, ErrorCode::backup_not_found)
        << verified.error().message << "\n"
        << what;
  }
  outcomes.print("backups of the engine");
  // And still, now that the later ones have shared, failed and tidied up.
  for (const BackupId& backup : complete) {
    const Result<void> verified = verify(backup);
    EXPECT_TRUE(verified) << backup.value << ": " << verified.error().message;
  }
}

}  // namespace
}  // namespace restored::test
