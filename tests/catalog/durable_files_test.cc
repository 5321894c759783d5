#include "catalog/durable_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "support/temporary_directory.h"

namespace restored::catalog::test {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Writes down what reaches the operating system, and can refuse to sync directories.
struct Journal {
  std::vector<std::string> calls;
  bool refuse_sync = false;
  bool refuse_log_sync = false;
};

class RecordedDirectory final : public rocksdb::FSDirectory {
 public:
  RecordedDirectory(std::unique_ptr<rocksdb::FSDirectory> directory, Journal& journal)
      : directory_(std::move(directory)), journal_(journal) {}
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    journal_.calls.emplace_back("sync directory");
    if (journal_.refuse_sync) return IOStatus::IOError("refused");
    return directory_->Fsync(options, debug);
  }

 private:
  std::unique_ptr<rocksdb::FSDirectory> directory_;
  Journal& journal_;
};

class RecordedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  RecordedFile(std::unique_ptr<rocksdb::FSWritableFile> file, Journal& journal)
      : FSWritableFileOwnerWrapper(std::move(file)), journal_(journal) {}
  using FSWritableFileOwnerWrapper::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    journal_.calls.push_back("append " + data.ToString());
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    journal_.calls.emplace_back("sync file");
    if (journal_.refuse_log_sync) return IOStatus::IOError("refused");
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }

 private:
  Journal& journal_;
};

class RecordedFiles final : public rocksdb::FileSystemWrapper {
 public:
  IOStatus RenameFile(const std::string& source, const std::string& target,
                      const IOOptions& options, IODebugContext* debug) override {
    journal_.calls.emplace_back("rename");
    return FileSystemWrapper::RenameFile(source, target, options, debug);
  }
  explicit RecordedFiles(Journal& journal)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), journal_(journal) {}
  const char* Name() const override { return "recorded"; }
  IOStatus LinkFile(const std::string& source, const std::string& target, const IOOptions& options,
                    IODebugContext* debug) override {
    journal_.calls.emplace_back("link");
    return FileSystemWrapper::LinkFile(source, target, options, debug);
  }
  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    const IOStatus status = FileSystemWrapper::NewWritableFile(path, options, file, debug);
    if (status.ok()) *file = std::make_unique<RecordedFile>(std::move(*file), journal_);
    return status;
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext* debug) override {
    const IOStatus status = FileSystemWrapper::NewDirectory(path, options, directory, debug);
    if (status.ok())
      *directory = std::make_unique<RecordedDirectory>(std::move(*directory), journal_);
    return status;
  }

 private:
  Journal& journal_;
};

class DurableFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    restored::test::write_file(directory_.file("staged"), "content");
    ASSERT_TRUE(
        files_->NewWritableFile(directory_.file("MANIFEST-000001"), {}, &manifest_, nullptr).ok());
    ASSERT_TRUE(files_->NewWritableFile(directory_.file("000009.log"), {}, &log_, nullptr).ok());
  }
  void link(const std::string& name) {
    ASSERT_TRUE(
        files_->LinkFile(directory_.file("staged"), directory_.file(name), {}, nullptr).ok());
  }

  using Calls = std::vector<std::string>;
  restored::test::TemporaryDirectory directory_;
  Journal journal_;
  std::shared_ptr<DurableFiles> files_ =
      DurableFiles::make(std::make_shared<RecordedFiles>(journal_));
  std::unique_ptr<rocksdb::FSWritableFile> manifest_;
  std::unique_ptr<rocksdb::FSWritableFile> log_;
};

TEST_F(DurableFilesTest, LinksAreSyncedOnceBeforeTheManifestNamesThem) {
  link("000001.sst");
  link("000002.sst");
  ASSERT_TRUE(manifest_->Append("1", {}, nullptr).ok());
  ASSERT_TRUE(manifest_->Append("2", {}, nullptr).ok());
  EXPECT_EQ(journal_.calls, (Calls{"link", "link", "sync directory", "append 1", "append 2"}));
}

TEST_F(DurableFilesTest, ImportIsNotAheadOfALogThatIsNotDurable) {
  ASSERT_TRUE(log_->Append("w", {}, nullptr).ok());  // only the MANIFEST names files
  ASSERT_TRUE(manifest_->Append("1", {}, nullptr).ok());
  link("000001.sst");
  journal_.refuse_log_sync = true;
  EXPECT_FALSE(manifest_->Append("2", {}, nullptr).ok());
  journal_.refuse_log_sync = false;
  EXPECT_FALSE(manifest_->Append("3", {}, nullptr).ok()) << "it may have lost something";
  EXPECT_EQ(journal_.calls, (Calls{"append w", "append 1", "link", "sync file"}));
  // Found by failing each call in turn: the recovery waited for what it is there to replace.
  files_->begin_recovery(directory_.path());
  EXPECT_TRUE(manifest_->Append("4", {}, nullptr).ok());
  files_->end_recovery(directory_.path(), false);
}

TEST_F(DurableFilesTest, LogsAreSyncedBeforeTheManifestNamesLinks) {
  link("000001.sst");
  ASSERT_TRUE(log_->Append("w", {}, nullptr).ok());
  ASSERT_TRUE(manifest_->Append("1", {}, nullptr).ok());
  EXPECT_EQ(journal_.calls, (Calls{"link", "append w", "sync file", "sync directory",
                                   "sync directory", "append 1"}));
}

// Found by a cut of the power during a recovery from a cut: CURRENT named a MANIFEST that named a
// file of that recovery, and that file's own name was lost.
TEST_F(DurableFilesTest, NamesAreDurableBeforeCurrentLeadsToThem) {
  restored::test::write_file(directory_.file("000009.dbtmp"), "MANIFEST-000001");
  const auto rename = [&](const char* to) {
    return files_->RenameFile(directory_.file("000009.dbtmp"), directory_.file(to), {}, nullptr);
  };
  journal_.refuse_sync = true;
  EXPECT_FALSE(rename("CURRENT").ok());
  EXPECT_FALSE(std::filesystem::exists(directory_.file("CURRENT")));
  journal_.refuse_sync = false;
  EXPECT_TRUE(rename("CURRENT").ok());
  EXPECT_EQ(journal_.calls, (Calls{"sync directory", "sync directory", "rename"}));
}

TEST_F(DurableFilesTest, ManifestIsNotWrittenWhileTheLinksCannotBeSynced) {
  link("000001.sst");
  journal_.refuse_sync = true;
  EXPECT_FALSE(manifest_->Append("1", {}, nullptr).ok());
  EXPECT_FALSE(manifest_->Append("1", {}, nullptr).ok()) << "and it is tried again";
  journal_.refuse_sync = false;
  EXPECT_TRUE(manifest_->Append("2", {}, nullptr).ok());
  EXPECT_EQ(journal_.calls,
            (Calls{"link", "sync directory", "sync directory", "sync directory", "append 2"}));
}

TEST_F(DurableFilesTest, OpenLogIsSyncedWithItsNameAndOnlyWhenItWasWritten) {
  ASSERT_TRUE(files_->sync_logs(directory_.path()).ok());
  EXPECT_TRUE(journal_.calls.empty());
  ASSERT_TRUE(log_->Append("1", {}, nullptr).ok());
  ASSERT_TRUE(files_->sync_logs(directory_.path()).ok());
  ASSERT_TRUE(files_->sync_logs(directory_.path()).ok());
  ASSERT_TRUE(log_->Append("2", {}, nullptr).ok());
  ASSERT_TRUE(files_->sync_logs("/elsewhere").ok());
  ASSERT_TRUE(files_->sync_logs(directory_.path()).ok());
  EXPECT_EQ(journal_.calls,
            (Calls{"append 1", "sync file", "sync directory", "append 2", "sync file"}));
}

TEST_F(DurableFilesTest, ClosedLogIsLeftAlone) {
  ASSERT_TRUE(log_->Append("1", {}, nullptr).ok());
  ASSERT_TRUE(log_->Close({}, nullptr).ok());
  ASSERT_TRUE(files_->sync_logs(directory_.path()).ok());
  log_.reset();
  ASSERT_TRUE(files_->sync_logs(directory_.path()).ok());
  EXPECT_EQ(journal_.calls, (Calls{"append 1"}));
}

TEST_F(DurableFilesTest, LogWhoseSyncFailedTakesNothingUntilARecoveryIsDone) {
  ASSERT_TRUE(log_->Append("1", {}, nullptr).ok());
  journal_.refuse_log_sync = true;
  EXPECT_FALSE(files_->sync_logs(directory_.path()).ok());
  journal_.refuse_log_sync = false;
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(log_->Append("2", {}, nullptr).ok());
    EXPECT_FALSE(log_->Sync({}, nullptr).ok()) << "what a sync before it lost is not durable";
    EXPECT_FALSE(files_->sync_logs(directory_.path()).ok());
    EXPECT_FALSE(files_->log_failure(directory_.path()).ok());
  }
  files_->begin_recovery(directory_.path());
  EXPECT_TRUE(log_->Append("left of 2", {}, nullptr).ok());
  files_->end_recovery(directory_.path(), false);
  EXPECT_FALSE(log_->Append("3", {}, nullptr).ok());
  files_->begin_recovery(directory_.path());
  std::unique_ptr<rocksdb::FSWritableFile> newer;
  ASSERT_TRUE(files_->NewWritableFile(directory_.file("000010.log"), {}, &newer, nullptr).ok());
  EXPECT_TRUE(files_->end_recovery(directory_.path(), true));
  EXPECT_TRUE(newer->Append("4", {}, nullptr).ok());
  EXPECT_TRUE(newer->Sync({}, nullptr).ok());
  EXPECT_TRUE(files_->log_failure(directory_.path()).ok());
  EXPECT_EQ(std::ranges::count(journal_.calls, "append left of 2"), 0) << "nobody was promised it";
}

// RocksDB says that it has recovered from a compaction's error when it has flushed nothing.
TEST_F(DurableFilesTest, RecoveryThatGoesOnWithTheFailedLogIsNone) {
  ASSERT_TRUE(log_->Append("1", {}, nullptr).ok());
  journal_.refuse_log_sync = true;
  EXPECT_FALSE(files_->sync_logs(directory_.path()).ok());
  journal_.refuse_log_sync = false;
  files_->begin_recovery(directory_.path());
  EXPECT_FALSE(files_->end_recovery(directory_.path(), true));
  EXPECT_FALSE(log_->Append("2", {}, nullptr).ok());
  EXPECT_FALSE(log_->Sync({}, nullptr).ok());
  EXPECT_FALSE(files_->sync_logs(directory_.path()).ok());
}

// Found by a simulated seed, 1697: RocksDB asserts when a flush meets a log that failed a write.
TEST_F(DurableFilesTest, FailedSyncOfAnOlderLogIsToldByTheNextStepOfWhoSyncsIt) {
  std::unique_ptr<rocksdb::FSWritableFile> newer;
  std::unique_ptr<rocksdb::FSDirectory> directory;
  ASSERT_TRUE(files_->NewWritableFile(directory_.file("000010.log"), {}, &newer, nullptr).ok());
  ASSERT_TRUE(files_->NewDirectory(directory_.path(), {}, &directory, nullptr).ok());
  const auto flush = [&] {
    EXPECT_TRUE(log_->Sync({}, nullptr).ok()) << "RocksDB must never see it fail";
    return directory
        ->FsyncWithDirOptions({}, nullptr,
                              rocksdb::DirFsyncOptions(rocksdb::DirFsyncOptions::kNewFileSynced))
        .ok();
  };
  const auto write = [&] {
    EXPECT_TRUE(log_->Sync({}, nullptr).ok()) << "RocksDB must never see it fail";
    return newer->Sync({}, nullptr).ok();
  };
  ASSERT_TRUE(log_->Append("1", {}, nullptr).ok());
  EXPECT_TRUE(flush());
  EXPECT_TRUE(write());
  journal_.refuse_log_sync = true;
  EXPECT_FALSE(flush());
  journal_.refuse_log_sync = false;
  EXPECT_FALSE(flush());
  EXPECT_FALSE(write());
  EXPECT_FALSE(newer->Append("2", {}, nullptr).ok());
  files_->begin_recovery(directory_.path());
  journal_.refuse_log_sync = true;
  EXPECT_FALSE(flush()) << "a recovery brings the rest of the log to the device";
  journal_.refuse_log_sync = false;
  EXPECT_TRUE(flush());
  EXPECT_FALSE(write()) << "of somebody else, beside the recovery";
  files_->end_recovery(directory_.path(), true);
  EXPECT_TRUE(write());
}

TEST_F(DurableFilesTest, LogThatFailsDuringARecoveryIsNotBelievedByIt) {
  std::unique_ptr<rocksdb::FSWritableFile> newer;
  std::unique_ptr<rocksdb::FSDirectory> directory;
  ASSERT_TRUE(files_->NewDirectory(directory_.path(), {}, &directory, nullptr).ok());
  files_->begin_recovery(directory_.path());
  ASSERT_TRUE(files_->NewWritableFile(directory_.file("000010.log"), {}, &newer, nullptr).ok());
  journal_.refuse_log_sync = true;
  EXPECT_TRUE(log_->Sync({}, nullptr).ok()) << "RocksDB must never see it fail";
  journal_.refuse_log_sync = false;
  EXPECT_FALSE(
      directory
          ->FsyncWithDirOptions({}, nullptr,
                                rocksdb::DirFsyncOptions(rocksdb::DirFsyncOptions::kNewFileSynced))
          .ok());
  EXPECT_FALSE(files_->end_recovery(directory_.path(), false));
}

TEST_F(DurableFilesTest, ClosedLogTakesItsFailureAlong) {
  ASSERT_TRUE(log_->Append("1", {}, nullptr).ok());
  journal_.refuse_log_sync = true;
  EXPECT_FALSE(files_->sync_logs(directory_.path()).ok());
  log_.reset();
  EXPECT_TRUE(files_->log_failure(directory_.path()).ok());
}

// The MANIFEST may name it all the same: its bytes can be on the device.
TEST_F(DurableFilesTest, FileThatAFailedManifestMayNameStaysUntilThereIsAnother) {
  link("000001.sst");
  const auto remove = [&] {
    EXPECT_TRUE(files_->DeleteFile(directory_.file("000001.sst"), {}, nullptr).ok());
    return !std::filesystem::exists(directory_.file("000001.sst"));
  };
  journal_.refuse_log_sync = true;
  EXPECT_TRUE(manifest_->Append("000001.sst", {}, nullptr).ok());
  EXPECT_FALSE(manifest_->Sync({}, nullptr).ok());
  EXPECT_FALSE(remove());
  restored::test::write_file(directory_.file("000009.dbtmp"), "MANIFEST-000001");
  EXPECT_TRUE(
      files_->RenameFile(directory_.file("000009.dbtmp"), directory_.file("CURRENT"), {}, nullptr)
          .ok());
  EXPECT_TRUE(remove());
}

TEST_F(DurableFilesTest, FilesStayWhileCurrentMayNameAnotherManifest) {
  link("000001.sst");
  const auto remove = [&] {
    EXPECT_TRUE(files_->DeleteFile(directory_.file("000001.sst"), {}, nullptr).ok());
    return !std::filesystem::exists(directory_.file("000001.sst"));
  };
  const auto rename = [&] {
    restored::test::write_file(directory_.file("000009.dbtmp"), "MANIFEST-000001");
    return files_
        ->RenameFile(directory_.file("000009.dbtmp"), directory_.file("CURRENT"), {}, nullptr)
        .ok();
  };
  std::unique_ptr<rocksdb::FSDirectory> directory;
  ASSERT_TRUE(files_->NewDirectory(directory_.path(), {}, &directory, nullptr).ok());
  EXPECT_TRUE(rename());
  journal_.refuse_sync = true;
  EXPECT_FALSE(
      directory
          ->FsyncWithDirOptions({}, nullptr, rocksdb::DirFsyncOptions(directory_.file("CURRENT")))
          .ok());
  journal_.refuse_sync = false;
  EXPECT_FALSE(remove());
  EXPECT_TRUE(rename());
  EXPECT_TRUE(remove());
}

TEST_F(DurableFilesTest, OptionsFilesAreNotSyncedOtherRenamedFilesAre) {
  std::unique_ptr<rocksdb::FSWritableFile> options;
  ASSERT_TRUE(
      files_->NewWritableFile(directory_.file("OPTIONS-000005.dbtmp"), {}, &options, nullptr).ok());
  ASSERT_TRUE(options->Append("o", {}, nullptr).ok());
  ASSERT_TRUE(options->Sync({}, nullptr).ok());
  std::unique_ptr<rocksdb::FSDirectory> directory;
  ASSERT_TRUE(files_->NewDirectory(directory_.path(), {}, &directory, nullptr).ok());
  const auto renamed = [&](const std::string& name) {
    return directory->FsyncWithDirOptions({}, nullptr,
                                          rocksdb::DirFsyncOptions(directory_.file(name)));
  };
  ASSERT_TRUE(renamed("OPTIONS-000005").ok());
  EXPECT_EQ(journal_.calls, (Calls{"append o"}));
  ASSERT_TRUE(renamed("CURRENT").ok());
  EXPECT_EQ(journal_.calls, (Calls{"append o", "sync directory"}));
}

}  // namespace
}  // namespace restored::catalog::test
