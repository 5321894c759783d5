#include "catalog/durable_files.h"

#include <atomic>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/kill_point.h"
#include "base/mutex.h"

namespace restored::catalog {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}
bool is_manifest(std::string_view path) {
  return base_name(path).starts_with("MANIFEST-");
}
bool is_options(std::string_view path) {
  return base_name(path).starts_with("OPTIONS-");
}

bool is_log(std::string_view path) {
  return path.ends_with(".log");
}

IOStatus sync_directory(rocksdb::FileSystem& files, const std::string& path) {
  std::unique_ptr<FSDirectory> directory;
  IOStatus status = files.NewDirectory(path, IOOptions(), &directory, nullptr);
  // Plain: the variant with a reason leaves the sync out where it thinks that it is not needed.
  if (status.ok()) status = directory->Fsync(IOOptions(), nullptr);
  return status;
}

// Directories with links that no sync has covered.
class UnsyncedLinks {
 public:
  void add(const std::string& directory) {
    MutexLock lock(mutex_);
    directories_.insert(directory);
  }
  bool take(const std::string& directory) {
    MutexLock lock(mutex_);
    return directories_.erase(directory) > 0;
  }

 private:
  Mutex mutex_;
  std::set<std::string> directories_ GUARDED_BY(mutex_);
};

class Manifest final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Manifest(std::unique_ptr<FSWritableFile> file, std::string directory,
           std::shared_ptr<rocksdb::FileSystem> files, std::shared_ptr<UnsyncedLinks> links)
      : FSWritableFileOwnerWrapper(std::move(file)),
        directory_(std::move(directory)),
        files_(std::move(files)),
        links_(std::move(links)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus synced = sync_links();
    return synced.ok() ? FSWritableFileOwnerWrapper::Append(data, options, debug) : synced;
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    IOStatus synced = sync_links();
    return synced.ok() ? FSWritableFileOwnerWrapper::Append(data, options, verification, debug)
                       : synced;
  }

 private:
  IOStatus sync_links() {
    if (!links_->take(directory_)) return IOStatus::OK();
    IOStatus status = sync_directory(*files_, directory_);
    if (!status.ok()) links_->add(directory_);
    kill_point("catalog.ingest.before-manifest");
    return status;
  }

  const std::string directory_;
  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::shared_ptr<UnsyncedLinks> links_;
};

class OptionsFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;
  IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }
  IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }
};

class Directory final : public rocksdb::FSDirectoryWrapper {
 public:
  using FSDirectoryWrapper::FSDirectoryWrapper;
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& why) override {
    if (why.reason == rocksdb::DirFsyncOptions::kFileRenamed && is_options(why.renamed_new_name))
      return IOStatus::OK();
    return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, why);
  }
};

// A log as sync_logs() sees it: open for as long as RocksDB writes to it.
class OpenLog {
 public:
  OpenLog(FSWritableFile* file, std::shared_ptr<rocksdb::FileSystem> files, std::string directory)
      : files_(std::move(files)), directory_(std::move(directory)), file_(file) {}

  const std::string& directory() const { return directory_; }
  void written() { dirty_.store(true); }
  // What RocksDB's next step with this log has to end with. Told once: from then on RocksDB refuses
  // writes until its recovery has flushed what is in memory and begun another log, and that
  // recovery writes and syncs the rest of this one first.
  IOStatus earlier_failure() {
    if (!untold_failure_.exchange(false)) return IOStatus::OK();
    IOStatus status = IOStatus::IOError("an earlier sync of this log failed");
    status.SetRetryable(true);
    return status;
  }

  IOStatus sync() {
    // Held across the sync, so that RocksDB does not close the file below it; writes go on.
    MutexLock lock(mutex_);
    if (file_ == nullptr || !dirty_.exchange(false)) return IOStatus::OK();
    IOStatus status = file_->Sync(IOOptions(), nullptr);
    if (status.ok() && !named_) {
      status = sync_directory(*files_, directory_);
      named_ = status.ok();
    }
    if (!status.ok()) untold_failure_.store(true);
    return status;
  }
  void closing() {
    MutexLock lock(mutex_);
    file_ = nullptr;
  }

 private:
  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::string directory_;
  std::atomic<bool> dirty_ = false;
  std::atomic<bool> untold_failure_ = false;
  Mutex mutex_;
  FSWritableFile* file_ GUARDED_BY(mutex_);
  bool named_ GUARDED_BY(mutex_) = false;  // its directory entry is durable
};

class Log final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Log(std::unique_ptr<FSWritableFile> file, std::shared_ptr<OpenLog> state)
      : FSWritableFileOwnerWrapper(std::move(file)), state_(std::move(state)) {}
  ~Log() override { state_->closing(); }

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = state_->earlier_failure();
    if (!status.ok()) return status;
    status = FSWritableFileOwnerWrapper::Append(data, options, debug);
    state_->written();
    return status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    IOStatus status = state_->earlier_failure();
    if (!status.ok()) return status;
    status = FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
    state_->written();
    return status;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = state_->earlier_failure();
    return status.ok() ? FSWritableFileOwnerWrapper::Sync(options, debug) : status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = state_->earlier_failure();
    return status.ok() ? FSWritableFileOwnerWrapper::Fsync(options, debug) : status;
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    state_->closing();
    return FSWritableFileOwnerWrapper::Close(options, debug);
  }

 private:
  const std::shared_ptr<OpenLog> state_;
};

class DurableFilesImpl final : public DurableFiles {
 public:
  explicit DurableFilesImpl(std::shared_ptr<rocksdb::FileSystem> files)
      : DurableFiles(files), files_(std::move(files)) {}
  const char* Name() const override { return "restored.durable-files"; }

  IOStatus sync_logs(const std::string& directory) override {
    IOStatus result = IOStatus::OK();
    for (const std::shared_ptr<OpenLog>& log : open_logs(directory)) {
      IOStatus status = log->sync();
      if (result.ok()) result = std::move(status);
    }
    return result;
  }

  IOStatus LinkFile(const std::string& source, const std::string& target, const IOOptions& options,
                    IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::LinkFile(source, target, options, debug);
    if (status.ok()) links_->add(directory_of(target));
    kill_point("catalog.ingest.after-link");
    return status;
  }

  IOStatus RenameFile(const std::string& source, const std::string& target,
                      const IOOptions& options, IODebugContext* debug) override {
    if (base_name(target) == "CURRENT") {
      IOStatus status = sync_directory(*files_, directory_of(target));
      if (!status.ok()) return status;
    }
    return FileSystemWrapper::RenameFile(source, target, options, debug);
  }

  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<FSDirectory>* directory, IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::NewDirectory(path, options, directory, debug);
    if (status.ok()) *directory = std::make_unique<Directory>(std::move(*directory));
    return status;
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    return wrapped(path, FileSystemWrapper::NewWritableFile(path, options, file, debug), file);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<FSWritableFile>* file,
                              IODebugContext* debug) override {
    return wrapped(path, FileSystemWrapper::ReopenWritableFile(path, options, file, debug), file);
  }

 private:
  IOStatus wrapped(const std::string& path, IOStatus status,
                   std::unique_ptr<FSWritableFile>* file) {
    if (!status.ok()) return status;
    if (is_manifest(path)) {
      *file = std::make_unique<Manifest>(std::move(*file), directory_of(path), files_, links_);
    } else if (is_options(path)) {
      *file = std::make_unique<OptionsFile>(std::move(*file));
    } else if (is_log(path)) {
      auto state = std::make_shared<OpenLog>(file->get(), files_, directory_of(path));
      MutexLock lock(mutex_);
      logs_.emplace(state->directory(), state);
      *file = std::make_unique<Log>(std::move(*file), std::move(state));
    }
    return status;
  }

  std::vector<std::shared_ptr<OpenLog>> open_logs(const std::string& directory) {
    MutexLock lock(mutex_);
    std::vector<std::shared_ptr<OpenLog>> open;
    const auto [begin, end] = logs_.equal_range(directory);
    for (auto log = begin; log != end;) {
      if (auto state = log->second.lock()) {
        open.push_back(std::move(state));
        ++log;
      } else {
        log = logs_.erase(log);
      }
    }
    return open;
  }

  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::shared_ptr<UnsyncedLinks> links_ = std::make_shared<UnsyncedLinks>();
  Mutex mutex_;
  std::multimap<std::string, std::weak_ptr<OpenLog>> logs_ GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<DurableFiles> DurableFiles::make(std::shared_ptr<rocksdb::FileSystem> target) {
  return std::make_shared<DurableFilesImpl>(std::move(target));
}

}  // namespace restored::catalog
