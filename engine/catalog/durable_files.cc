#include "catalog/durable_files.h"

#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/kill_point.h"
#include "base/mutex.h"
#include "catalog/open_logs.h"

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

// Directories; once each.
class DirectorySet {
 public:
  void add(const std::string& directory) {
    MutexLock lock(mutex_);
    directories_.insert(directory);
  }
  bool take(const std::string& directory) {
    MutexLock lock(mutex_);
    return directories_.erase(directory) > 0;
  }
  bool holds(const std::string& directory) const {
    MutexLock lock(mutex_);
    return directories_.contains(directory);
  }

 private:
  mutable Mutex mutex_;
  std::set<std::string> directories_ GUARDED_BY(mutex_);
};

class Manifest final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Manifest(std::unique_ptr<FSWritableFile> file, std::string directory,
           std::shared_ptr<rocksdb::FileSystem> files, std::shared_ptr<OpenLogs> logs,
           std::shared_ptr<DirectorySet> links, std::shared_ptr<DirectorySet> doubtful)
      : FSWritableFileOwnerWrapper(std::move(file)),
        directory_(std::move(directory)),
        files_(std::move(files)),
        logs_(std::move(logs)),
        links_(std::move(links)),
        doubtful_(std::move(doubtful)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = sync_links();
    if (status.ok()) status = FSWritableFileOwnerWrapper::Append(data, options, debug);
    return judged(std::move(status));
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    IOStatus status = sync_links();
    if (status.ok())
      status = FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
    return judged(std::move(status));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return judged(FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return judged(FSWritableFileOwnerWrapper::Fsync(options, debug));
  }

 private:
  IOStatus sync_links() {
    if (!links_->take(directory_)) return IOStatus::OK();
    // The files of an import count from the newest log on: a log before it that were lost in part
    // would be behind them, and the database would not open.
    IOStatus status = logs_->sync_for_import();
    if (status.ok()) status = sync_directory(*files_, directory_);
    if (!status.ok()) links_->add(directory_);
    kill_point("catalog.ingest.before-manifest");
    return status;
  }
  IOStatus judged(IOStatus status) {
    if (!status.ok()) doubtful_->add(directory_);
    return status;
  }

  const std::string directory_;
  const std::shared_ptr<rocksdb::FileSystem> files_;
  const std::shared_ptr<OpenLogs> logs_;
  const std::shared_ptr<DirectorySet> links_;
  const std::shared_ptr<DirectorySet> doubtful_;
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
  Directory(std::unique_ptr<FSDirectory> directory, std::string path,
            std::shared_ptr<OpenLogs> logs, std::shared_ptr<DirectorySet> doubtful)
      : FSDirectoryWrapper(std::move(directory)),
        path_(std::move(path)),
        logs_(std::move(logs)),
        doubtful_(std::move(doubtful)) {}

  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& why) override {
    if (why.reason == rocksdb::DirFsyncOptions::kFileRenamed && is_options(why.renamed_new_name))
      return IOStatus::OK();
    if (why.reason == rocksdb::DirFsyncOptions::kNewFileSynced) {
      IOStatus status = logs_->failure_before_newest();
      if (!status.ok()) return status;
    }
    IOStatus status = FSDirectoryWrapper::FsyncWithDirOptions(options, debug, why);
    // Either MANIFEST may be the one.
    if (!status.ok() && why.reason == rocksdb::DirFsyncOptions::kFileRenamed &&
        base_name(why.renamed_new_name) == "CURRENT") {
      doubtful_->add(path_);
    }
    return status;
  }

 private:
  const std::string path_;
  const std::shared_ptr<OpenLogs> logs_;
  const std::shared_ptr<DirectorySet> doubtful_;
};

class DurableFilesImpl final : public DurableFiles {
 public:
  explicit DurableFilesImpl(std::shared_ptr<rocksdb::FileSystem> files)
      : DurableFiles(files), files_(std::move(files)) {}
  const char* Name() const override { return "restored.durable-files"; }

  IOStatus sync_logs(const std::string& directory) override { return logs_of(directory)->sync(); }
  IOStatus log_failure(const std::string& directory) override {
    return logs_of(directory)->failure();
  }
  void begin_recovery(const std::string& directory) override {
    logs_of(directory)->begin_recovery();
  }
  bool end_recovery(const std::string& directory, bool recovered) override {
    return logs_of(directory)->end_recovery(recovered);
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
    if (may_be_named(source)) return IOStatus::Busy("the MANIFEST may name " + source);
    if (base_name(target) != "CURRENT")
      return FileSystemWrapper::RenameFile(source, target, options, debug);
    const std::string directory = directory_of(target);
    IOStatus status = sync_directory(*files_, directory);
    if (status.ok()) status = FileSystemWrapper::RenameFile(source, target, options, debug);
    if (!status.ok() || !doubtful_->holds(directory)) return status;
    status = sync_directory(*files_, directory);
    if (status.ok()) doubtful_->take(directory);
    return status;
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    // RocksDB finds it again when it looks for files that nothing names.
    if (may_be_named(path)) return IOStatus::OK();
    return FileSystemWrapper::DeleteFile(path, options, debug);
  }

  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<FSDirectory>* directory, IODebugContext* debug) override {
    IOStatus status = FileSystemWrapper::NewDirectory(path, options, directory, debug);
    if (status.ok()) {
      *directory =
          std::make_unique<Directory>(std::move(*directory), path, logs_of(path), doubtful_);
    }
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
      const std::string directory = directory_of(path);
      *file = std::make_unique<Manifest>(std::move(*file), directory, files_, logs_of(directory),
                                         links_, doubtful_);
    } else if (is_options(path)) {
      *file = std::make_unique<OptionsFile>(std::move(*file));
    } else if (is_log(path)) {
      *file = logs_of(directory_of(path))->add(std::move(*file));
    }
    return status;
  }

  bool may_be_named(const std::string& path) const {
    return path.ends_with(".sst") && doubtful_->holds(directory_of(path));
  }
  // Those of an instance that is not open are none.
  std::shared_ptr<OpenLogs> logs_of(const std::string& directory) {
    MutexLock lock(mutex_);
    std::weak_ptr<OpenLogs>& known = logs_[directory];
    std::shared_ptr<OpenLogs> logs = known.lock();
    if (logs) return logs;
    logs = std::make_shared<OpenLogs>(files_, directory);
    known = logs;
    std::erase_if(logs_, [](const auto& entry) { return entry.second.expired(); });
    return logs;
  }

  const std::shared_ptr<rocksdb::FileSystem> files_;
  // With links that no sync has covered.
  const std::shared_ptr<DirectorySet> links_ = std::make_shared<DirectorySet>();
  // Where a write or sync of the MANIFEST, or of its name in CURRENT, failed, which may now say
  // what RocksDB takes for not said: of an import, whose files RocksDB then deletes. The next
  // opening would miss them.
  const std::shared_ptr<DirectorySet> doubtful_ = std::make_shared<DirectorySet>();
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<OpenLogs>> logs_ GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<DurableFiles> DurableFiles::make(std::shared_ptr<rocksdb::FileSystem> target) {
  return std::make_shared<DurableFilesImpl>(std::move(target));
}

}  // namespace restored::catalog
