// Files of this host that a restore takes instead of fetching them: never trusted, never written
// to.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include "backup/repository.h"
#include "history.h"
#include "restore/journal.h"
#include "restore/staging.h"
#include "restored/limits.h"
#include "store/open_store.h"
#include "support/fault_files.h"
#include "test_keys.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class ReuseTest : public History {
 protected:
  void TearDown() override { host_.close(); }  // before what its seams point to
  FaultPlan plan_;
  FaultFileSystem files_{io::system_files(), plan_};
};

TEST_F(ReuseTest, AFileWithABadSectorIsFetchedInstead) {
  // The pool reads through the file layer, so that its reads can fail there.
  host_.options.io_uring = false;
  host_.options.direct_io = false;
  host_.seams.files = &files_;
  plan_.only("/staging/");
  host_.open();
  make_history();
  const OperationView reused = host_.restore(database_, backup_);
  ASSERT_EQ(reused.state, OperationState::succeeded);
  ASSERT_EQ(reused.bytes_transferred, 0u) << "the file is there to be linked";
  plan_.clear();
  plan_.fail(Call::read, 1, ErrorCode::io_error);
  const OperationView ended = host_.restore(database_, backup_);
  EXPECT_EQ(plan_.failures(), 1u);
  ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
  EXPECT_GT(ended.bytes_transferred, 0u);
  EXPECT_EQ(host_.content(database_), then_);
}

// The staged files of one restore alone, over a backup of two files.
class StagingTest : public ::testing::Test {
 protected:
  StagingTest() {
    TestHost maker(directory_.file("maker"), directory_.file("repository"));
    maker.open();
    const DatabaseId source = maker.make_database("source");
    BackupId backup;
    for (unsigned i = 0; i < 2; ++i) {
      maker.put(source, records("key" + std::to_string(i), 100, i, 10'000));
      backup = maker.back_up(source);
    }
    maker.close();
    queue_ = io::open_io_queue({}).value();
    budget_ = MemoryBudget::make(limits::memory_budget_bytes_min).value();
    store_ = store::open_store("file://" + directory_.file("repository"), io::system_files(),
                               queue_.get())
                 .value();
    const auto repository =
        backup::Repository::open(*store_, {}, backup::Repository::IfEmpty::refuse, ring_of_hosts());
    loaded_ = repository.value()->load(backup, {}).value();
    binding_ = {OperationId("operation"), restore::manifest_hash(loaded_.manifest)};
  }

  void SetUp() override {
    ASSERT_EQ(loaded_.manifest.files.size(), 2u);
    for (const format::ManifestFile& file : loaded_.manifest.files) {
      ASSERT_GT(file.frames_count, 1u);
    }
    fetch_whole("reference");
  }

  restore::Staging staging(const std::string& name) {
    return {io::system_files(), directory_.file(name), binding_.operation, loaded_};
  }
  pipeline::FetchEnvironment environment() {
    return {*store_, io::system_files(), *queue_, *budget_, progress_};
  }
  std::string staged(const std::string& name, std::size_t file) const {
    return directory_.file(name) + "/files/" + loaded_.manifest.files[file].name;
  }
  std::string reference(std::size_t file) const {
    return read_whole_file(staged("reference", file));
  }

  void fetch_whole(const std::string& name) {
    restore::Staging files = staging(name);
    ASSERT_TRUE(files.begin({}));
    ASSERT_TRUE(files.check_journalled(environment(), {}));
    const std::vector<std::optional<std::string>> none(loaded_.manifest.files.size());
    ASSERT_TRUE(files.link_local(none, environment(), {}));
    const Result<void> fetched = files.fetch_rest(environment(), {}, [](std::uint64_t) {}, {});
    ASSERT_TRUE(fetched) << fetched.error().message;
    ASSERT_TRUE(files.finish());
  }

  // What an earlier attempt has left.
  void leave(const std::string& name, const std::vector<restore::JournalEntry>& entries) {
    fs::create_directories(directory_.file(name) + "/files");
    auto journal = restore::Journal::create(io::system_files(), directory_.file(name) + "/journal",
                                            binding_, loaded_.manifest.files);
    ASSERT_TRUE(journal);
    for (const restore::JournalEntry& entry : entries) ASSERT_TRUE(journal->append(entry));
    ASSERT_TRUE(journal->close());
  }

  const TemporaryDirectory directory_;
  std::unique_ptr<io::IoQueue> queue_;
  std::unique_ptr<MemoryBudget> budget_;
  std::unique_ptr<ObjectStore> store_;
  backup::LoadedBackup loaded_;
  restore::JournalBinding binding_;
  pipeline::Progress progress_;
};

TEST_F(StagingTest, AFragmentWithAnotherNameIsNeverWrittenTo) {
  std::string live = reference(0);
  live.back() = static_cast<char>(live.back() ^ 1);  // another file; its first frame is the same
  write_file(directory_.file("live.sst"), live);
  leave("staging", {{0, {0, 1}, false, false}});
  fs::create_hard_link(directory_.file("live.sst"), staged("staging", 0));
  fetch_whole("staging");
  EXPECT_EQ(read_whole_file(directory_.file("live.sst")), live);
  EXPECT_EQ(read_whole_file(staged("staging", 0)), reference(0));
  EXPECT_EQ(read_whole_file(staged("staging", 1)), reference(1));
}

TEST_F(StagingTest, AFragmentOfItsOwnIsContinued) {
  leave("staging", {{0, {0, 1}, false, false}});
  write_file(staged("staging", 0), reference(0).substr(0, limits::frame_bytes));
  const std::uint64_t before = progress_.bytes_reused;
  fetch_whole("staging");
  EXPECT_EQ(progress_.bytes_reused - before, limits::frame_bytes);
  EXPECT_EQ(read_whole_file(staged("staging", 0)), reference(0));
}

TEST_F(StagingTest, TheJournalNamesNoLongerWhatIsNotWhatItSaid) {
  const restore::JournalEntry good{1, {0, loaded_.manifest.files[1].frames_count}, true, false};
  leave("staging", {{0, {0, 1}, false, false}, good});
  write_file(staged("staging", 0), std::string(limits::frame_bytes, 'x'));
  write_file(staged("staging", 1), reference(1));
  restore::Staging files = staging("staging");
  ASSERT_TRUE(files.begin({}));
  ASSERT_TRUE(files.check_journalled(environment(), {}));
  EXPECT_FALSE(fs::exists(staged("staging", 0)));
  std::vector<restore::JournalEntry> entries;
  ASSERT_TRUE(restore::Journal::open(io::system_files(), directory_.file("staging") + "/journal",
                                     binding_, loaded_.manifest.files, entries));
  EXPECT_EQ(entries, std::vector{good});
}

TEST_F(StagingTest, WhatIsPresentIsSoUnderHoweverManyNames) {
  EXPECT_EQ(staging("staging").present()[0].bytes, 0u);
  leave("staging", {});
  write_file(staged("staging", 0), reference(0).substr(0, 100));
  fs::create_hard_link(staged("reference", 1), staged("staging", 1));
  const std::vector<restore::StagedFile> present = staging("staging").present();
  ASSERT_EQ(present.size(), 2u);
  EXPECT_EQ(present[0].bytes, 100u);
  EXPECT_EQ(present[1].bytes, reference(1).size());
  EXPECT_EQ(present[1].inode, io::system_files().stat(staged("reference", 1))->inode);
}

TEST_F(StagingTest, WhatIsGivenToAnImportStaysThere) {
  restore::Staging files = staging("reference");
  ASSERT_TRUE(files.begin({}));
  ASSERT_TRUE(files.check_journalled(environment(), {}));
  for (int time = 0; time < 2; ++time) {
    const Result<std::string> links = files.link_for_import();
    ASSERT_TRUE(links) << links.error().message;
    for (const format::ManifestFile& file : loaded_.manifest.files) {
      ASSERT_TRUE(fs::remove(*links + "/" + file.name)) << "and there is one for the next time";
    }
  }
  ASSERT_TRUE(files.link_for_import());
  ASSERT_TRUE(staging("reference").begin({}));
  EXPECT_FALSE(fs::exists(directory_.file("reference/import"))) << "of an attempt that was cut off";
  EXPECT_EQ(reference(0).size(), loaded_.manifest.files[0].size_bytes);
}

}  // namespace
}  // namespace restored::test
