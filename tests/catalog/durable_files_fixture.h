// A disk that writes down what reaches it and can refuse, and our layer of RocksDB's files over it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "catalog/durable_files.h"
#include "support/temporary_directory.h"

namespace restored::catalog::test {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Writes down what reaches the operating system, and can refuse to sync directories.
struct Journal {
  std::vector<std::string> calls;
  bool refuse_sync = false;
  bool refuse_log_sync = false;
  bool refuse_log_reads = false;
  bool refuse_directories = false;  // to make and to open them
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

class UnreadableFile final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  using FSSequentialFileOwnerWrapper::FSSequentialFileOwnerWrapper;
  IOStatus Read(std::size_t /*bytes*/, const IOOptions& /*options*/, rocksdb::Slice* /*result*/,
                char* /*buffer*/, IODebugContext* /*debug*/) override {
    return IOStatus::IOError("the device does not give it");
  }
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
    if (journal_.refuse_directories) return IOStatus::IOError("refused");
    const IOStatus status = FileSystemWrapper::NewDirectory(path, options, directory, debug);
    if (status.ok())
      *directory = std::make_unique<RecordedDirectory>(std::move(*directory), journal_);
    return status;
  }
  IOStatus NewSequentialFile(const std::string& path, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext* debug) override {
    const IOStatus status = FileSystemWrapper::NewSequentialFile(path, options, file, debug);
    if (status.ok() && journal_.refuse_log_reads && path.ends_with(".log"))
      *file = std::make_unique<UnreadableFile>(std::move(*file));
    return status;
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options,
                              IODebugContext* debug) override {
    if (journal_.refuse_directories) return IOStatus::IOError("refused");
    return FileSystemWrapper::CreateDirIfMissing(path, options, debug);
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

}  // namespace restored::catalog::test
