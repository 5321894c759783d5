// What a restore that was cut off has left on this host: the journal and the staged files. The
// journal is a claim that is checked, and a staged file is hashed again; so whatever was damaged,
// what is staged in the end is exactly the backup's files. All cases are harmless, and each is
// compared byte by byte.
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "backup/repository.h"
#include "io/file_system.h"
#include "io/io_queue.h"
#include "pipeline/fetch.h"
#include "restore/staging.h"
#include "restored/limits.h"
#include "scene.h"
#include "store/open_store.h"

namespace restored::corruption_test {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;

class StagingCorruptionTest : public ::testing::TestWithParam<bool> {
 protected:
  StagingCorruptionTest()
      : scene_(GetParam()),
        ring_(scene_.ring()),
        store_(store::open_store("file://" + scene_.repository(), io::system_files(), nullptr)
                   .value()),
        repository_(
            backup::Repository::open(*store_, {}, backup::Repository::IfEmpty::refuse, ring_)
                .value()),
        budget_(MemoryBudget::make(limits::memory_budget_bytes_min).value()),
        queue_(io::open_io_queue({.io_uring = false}).value()),
        older_(repository_->load(scene_.older, {}).value()) {}

  std::string shape() const { return GetParam() ? " (encrypted)" : ""; }
  std::string directory() const { return scene_.directory.file("staging"); }

  Result<void> stage(const backup::LoadedBackup& loaded, const std::string& operation,
                     bool finish) {
    pipeline::Progress progress;
    const pipeline::FetchEnvironment environment{.store = *store_,
                                                 .files = io::system_files(),
                                                 .queue = *queue_,
                                                 .budget = *budget_,
                                                 .progress = progress,
                                                 .direct_io = false};
    restore::Staging staging(io::system_files(), directory(), OperationId(operation), loaded);
    RESTORED_TRY(staging.begin({}));
    RESTORED_TRY(staging.check_journalled(environment, {}));
    RESTORED_TRY(staging.fetch_rest(environment, {}, [](std::uint64_t) {}, {}));
    return finish ? staging.finish() : Result<void>();
  }
  Files files_now() const { return Scene::files_of(directory()); }
  // As a restore that was cut off before its ingest has left it.
  Files staged(const backup::LoadedBackup& loaded, const std::string& operation) {
    fs::remove_all(directory());
    const Result<void> done = stage(loaded, operation, false);
    EXPECT_TRUE(done) << done.error().message;
    return files_now();
  }
  void write(const Files& files) {
    fs::remove_all(directory());
    for (const auto& [name, bytes] : files) {
      fs::create_directories(fs::path(directory() + "/" + name).parent_path());
      test::write_file(directory() + "/" + name, bytes);
    }
  }
  void expect_right(const Files& damaged, const Files& whole, const std::string& what,
                    Tally& tally) {
    write(damaged);
    const Result<void> done = stage(older_, "operation", true);
    ASSERT_TRUE(done) << what << ": " << done.error().message;
    Files found = files_now();
    Files expected = whole;
    found.erase("journal");
    expected.erase("journal");
    EXPECT_EQ(found, expected) << what;
    ++tally.harmless;
  }

  Scene scene_;
  const backup::KeyRing ring_;
  const std::unique_ptr<ObjectStore> store_;
  const std::unique_ptr<backup::Repository> repository_;
  const std::unique_ptr<MemoryBudget> budget_;
  const std::unique_ptr<io::IoQueue> queue_;
  const backup::LoadedBackup older_;
  Choice choice_;
};

TEST_P(StagingCorruptionTest, AnyByteChangedOrCutIsFetchedAgain) {
  const Files whole = staged(older_, "operation");
  ASSERT_EQ(whole.size(), 3u) << "a journal and two files";
  for (const auto& [name, bytes] : whole) {
    Tally tally("staged " + name + ", flipped and cut" + shape());
    for (const std::size_t at : choice_.positions(bytes.size(), 100)) {
      Files damaged = whole;
      damaged[name] = choice_.flipped(bytes, at);
      expect_right(damaged, whole, name + " changed at " + std::to_string(at), tally);
      damaged[name] = bytes.substr(0, at);
      expect_right(damaged, whole, name + " cut to " + std::to_string(at), tally);
      if (HasFailure()) return;
    }
  }
}

TEST_P(StagingCorruptionTest, SwappedRemovedAndForeignFilesAreFetchedAgain) {
  const Files newer = staged(repository_->load(scene_.newer, {}).value(), "operation");
  const Files other_operation = staged(older_, "another");
  const Files whole = staged(older_, "operation");
  Tally tally("staged files swapped, removed, of others" + shape());
  for (const auto& [name, bytes] : whole) {
    Files damaged = whole;
    damaged.erase(name);
    expect_right(damaged, whole, name + " removed", tally);
    damaged = whole;
    damaged[name] = bytes + bytes;
    expect_right(damaged, whole, name + " doubled", tally);
    for (const Files* from : {&whole, &newer, &other_operation}) {
      for (const auto& [other, foreign] : *from) {
        damaged = whole;
        damaged[name] = foreign;
        expect_right(damaged, whole, name + " replaced by " + other, tally);
        if (HasFailure()) return;
      }
    }
  }
  // The journal of the newer backup, or of another operation, with everything that it names.
  for (Files foreign : {newer, other_operation}) {
    expect_right(foreign, whole, "all of another restore", tally);
    for (auto& [name, bytes] : foreign)
      if (name != "journal") bytes.assign(bytes.size(), 'x');
    expect_right(foreign, whole, "another restore's names with other bytes", tally);
  }
}

INSTANTIATE_TEST_SUITE_P(Staging, StagingCorruptionTest, ::testing::Bool(),
                         [](const auto& shape) { return shape.param ? "Encrypted" : "Plain"; });

}  // namespace
}  // namespace restored::corruption_test
