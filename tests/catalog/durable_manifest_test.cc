// Which files stay for as long as some MANIFEST may need them, or may be needed itself.
#include <gtest/gtest.h>

#include <filesystem>

#include "durable_files_fixture.h"

namespace restored::catalog::test {
namespace {

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

TEST_F(DurableFilesTest, FilesStayWhenTheRenameOfCurrentSaysThatItFailed) {
  link("000001.sst");
  const auto rename = [&] {
    return files_
        ->RenameFile(directory_.file("000009.dbtmp"), directory_.file("CURRENT"), {}, nullptr)
        .ok();
  };
  const auto remove = [&] {
    EXPECT_TRUE(files_->DeleteFile(directory_.file("000001.sst"), {}, nullptr).ok());
    return !std::filesystem::exists(directory_.file("000001.sst"));
  };
  EXPECT_FALSE(rename()) << "there is nothing to rename";
  EXPECT_FALSE(remove());
  restored::test::write_file(directory_.file("000009.dbtmp"), "MANIFEST-000001\n");
  EXPECT_TRUE(rename());
  EXPECT_TRUE(remove());
}

// When the beginning of a new MANIFEST cannot be written, RocksDB (7.8) takes it for the current
// one all the same, and its next search for files that nothing needs deletes the one that is.
TEST_F(DurableFilesTest, ManifestThatCurrentNamesStays) {
  const auto remove = [&](const char* manifest) {
    EXPECT_TRUE(files_->DeleteFile(directory_.file(manifest), {}, nullptr).ok());
    return !std::filesystem::exists(directory_.file(manifest));
  };
  restored::test::write_file(directory_.file("CURRENT"), "MANIFEST-000001\n");
  for (const char* other : {"MANIFEST-000002", "MANIFEST-00000", "MANIFEST-0000010"}) {
    restored::test::write_file(directory_.file(other), "");
    EXPECT_TRUE(remove(other)) << other;
  }
  EXPECT_FALSE(remove("MANIFEST-000001"));
  std::filesystem::remove(directory_.file("CURRENT"));
  EXPECT_TRUE(remove("MANIFEST-000001")) << "of a database that is taken away";
}

TEST_F(DurableFilesTest, ManifestThatCurrentNamedStaysUntilTheNewNameIsDurable) {
  const auto name = [&](const char* manifest) {
    restored::test::write_file(directory_.file(manifest), "");
    restored::test::write_file(directory_.file("000009.dbtmp"), std::string(manifest) + "\n");
    EXPECT_TRUE(
        files_->RenameFile(directory_.file("000009.dbtmp"), directory_.file("CURRENT"), {}, nullptr)
            .ok());
  };
  const auto remove = [&](const char* manifest) {
    EXPECT_TRUE(files_->DeleteFile(directory_.file(manifest), {}, nullptr).ok());
    return !std::filesystem::exists(directory_.file(manifest));
  };
  std::unique_ptr<rocksdb::FSDirectory> directory;
  ASSERT_TRUE(files_->NewDirectory(directory_.path(), {}, &directory, nullptr).ok());
  const auto sync = [&] {
    const rocksdb::DirFsyncOptions renamed(directory_.file("CURRENT"));
    return directory->FsyncWithDirOptions({}, nullptr, renamed).ok();
  };
  name("MANIFEST-000001");
  name("MANIFEST-000002");
  EXPECT_FALSE(remove("MANIFEST-000001"));
  journal_.refuse_sync = true;
  EXPECT_FALSE(sync());
  EXPECT_FALSE(remove("MANIFEST-000001"));
  journal_.refuse_sync = false;
  EXPECT_TRUE(sync());
  EXPECT_TRUE(remove("MANIFEST-000001"));
  EXPECT_FALSE(remove("MANIFEST-000002"));
  journal_.refuse_sync = true;
  EXPECT_FALSE(sync());
  journal_.refuse_sync = false;
  name("MANIFEST-000003");  // which syncs by itself, because the last one failed
  EXPECT_TRUE(remove("MANIFEST-000002"));
  EXPECT_FALSE(remove("MANIFEST-000003"));
}

}  // namespace
}  // namespace restored::catalog::test
