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

// Files or directories; once each.
class PathSet {
 public:
  void add(const std::string& path) {
    MutexLock lock(mutex_);
    paths_.insert(path);
  }
  bool take(const std::string& path) {
    MutexLock lock(mutex_);
    return paths_.erase(path) > 0;
  }
  void take_all_in(const std::string& directory) {
    MutexLock lock(mutex_);
    std::erase_if(paths_, [&](const std::string& path) { return directory_of(path) == directory; });
  }
  bool holds(const std::string& path) const {
    MutexLock lock(mutex_);
    return paths_.contains(path);
  }

 private:
  mutable Mutex mutex_;
  std::set<std::string> paths_ GUARDED_BY(mutex_);
};

class Manifest final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Manifest(std::unique_ptr<FSWritableFile> file, std::string directory,
           std::shared_ptr<rocksdb::FileSystem> files, std::shared_ptr<OpenLogs> logs,
           std::shared_ptr<PathSet> links, std::shared_ptr<PathSet> doubtful)
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
  const std::shared_ptr<PathSet> links_;
  const std::shared_ptr<PathSet> doubtful_;
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
  Directory(std::shared_ptr<FSDirectory> directory, std::string path,
            std::shared_ptr<OpenLogs> logs, std::shared_ptr<PathSet> doubtful,
            std::shared_ptr<PathSet> former)
      : FSDirectoryWrapper(directory.get()),
        directory_(std::move(directory)),
        path_(std::move(path)),
        logs_(std::move(logs)),
        doubtful_(std::move(doubtful)),
        former_(std::move(former)) {}

  // By its destruction: another may stand on the same.
  IOStatus Close(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
    return IOStatus::OK();
  }

  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& why) override {
    if (why.reason == rocksdb::DirFsyncOptions::kFileRenamed && is_options(why.renamed_new_name))
      return IOStatus::OK();
    if (why.reason == rocksdb::DirFsyncOptions::kNewFileSynced) {
      IOStatus status = logs_->failure_before_newest();
      if (!status.ok()) return status;
    }
    IOStatus status = FSDirectoryWrapper::FsyncWithDirOptions(options, debug, why);
    if (why.reason == rocksdb::DirFsyncOptions::kFileRenamed &&
        base_name(why.renamed_new_name) == "CURRENT") {
      if (status.ok()) {
        former_->take_all_in(path_);
      } else {
        doubtful_->add(path_);  // either MANIFEST may be the one
      }
    }
    return status;
  }

 private:
  const std::shared_ptr<FSDirectory> directory_;
  const std::string path_;
  const std::shared_ptr<OpenLogs> logs_;
  const std::shared_ptr<PathSet> doubtful_;
  const std::shared_ptr<PathSet> former_;
};

// The handles of directories that are open.
class OpenDirectories {
 public:
  void add(const std::string& path, const std::shared_ptr<FSDirectory>& directory) {
    MutexLock lock(mutex_);
    std::erase_if(directories_, [](const auto& entry) { return entry.second.expired(); });
    directories_.emplace(path, directory);
  }
  std::shared_ptr<FSDirectory> find(const std::string& path) const {
    MutexLock lock(mutex_);
    const auto [begin, end] = directories_.equal_range(path);
    for (auto entry = begin; entry != end; ++entry) {
      if (std::shared_ptr<FSDirectory> directory = entry->second.lock()) return directory;
    }
    return nullptr;
  }

 private:
  mutable Mutex mutex_;
  std::multimap<std::string, std::weak_ptr<FSDirectory>> directories_ GUARDED_BY(mutex_);
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
    std::string former;
    IOStatus status = current_manifest(directory, former);
    if (status.ok()) {
      former_->add(former);
    } else if (!status.IsNotFound()) {
      return status;
    }
    status = sync_directory(*files_, directory);
    if (status.ok()) {
      status = FileSystemWrapper::RenameFile(source, target, options, debug);
      if (!status.ok()) doubtful_->add(directory);  // it may have come to pass all the same
    }
    if (!status.ok() || !doubtful_->holds(directory)) return status;
    status = sync_directory(*files_, directory);
    if (status.ok()) {
      doubtful_->take(directory);
      former_->take_all_in(directory);
    }
    return status;
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    // RocksDB finds it again when it looks for files that nothing names.
    if (may_be_named(path) || (is_manifest(path) && may_be_current(path))) return IOStatus::OK();
    return FileSystemWrapper::DeleteFile(path, options, debug);
  }

  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<FSDirectory>* directory, IODebugContext* debug) override {
    const IOStatus status = FileSystemWrapper::NewDirectory(path, options, directory, debug);
    std::shared_ptr<FSDirectory> open;
    if (status.ok()) {
      open = std::move(*directory);
      open_.add(path, open);
    } else {
      if (!status.IsPathNotFound()) open = open_.find(path);
      if (!open) return status;
    }
    *directory =
        std::make_unique<Directory>(std::move(open), path, logs_of(path), doubtful_, former_);
    return IOStatus::OK();
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options,
                              IODebugContext* debug) override {
    const IOStatus status = FileSystemWrapper::CreateDirIfMissing(path, options, debug);
    return !status.IsPathNotFound() && open_.find(path) ? IOStatus::OK() : status;
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
      *file = logs_of(directory_of(path))->add(path, std::move(*file));
    }
    return status;
  }

  bool may_be_named(const std::string& path) const {
    return path.ends_with(".sst") && doubtful_->holds(directory_of(path));
  }
  IOStatus current_manifest(const std::string& directory, std::string& path) const {
    std::string name;
    IOStatus status = rocksdb::ReadFileToString(files_.get(), directory + "/CURRENT", &name);
    if (status.IsPathNotFound()) return IOStatus::NotFound(directory);
    if (name.ends_with('\n')) name.pop_back();
    path = directory + "/" + name;
    return status;
  }
  bool may_be_current(const std::string& manifest) const {
    if (former_->holds(manifest)) return true;
    std::string current;
    const IOStatus status = current_manifest(directory_of(manifest), current);
    return status.ok() ? base_name(current) == base_name(manifest) : !status.IsNotFound();
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
  const std::shared_ptr<PathSet> links_ = std::make_shared<PathSet>();
  // Where a write or sync of the MANIFEST, or of its name in CURRENT, failed, which may now say
  // what RocksDB takes for not said: of an import, whose files RocksDB then deletes. The next
  // opening would miss them.
  const std::shared_ptr<PathSet> doubtful_ = std::make_shared<PathSet>();
  // The MANIFESTs that CURRENT named before a rename that may not be durable.
  const std::shared_ptr<PathSet> former_ = std::make_shared<PathSet>();
  OpenDirectories open_;
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<OpenLogs>> logs_ GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<DurableFiles> DurableFiles::make(std::shared_ptr<rocksdb::FileSystem> target) {
  return std::make_shared<DurableFilesImpl>(std::move(target));
}

}  // namespace restored::catalog
