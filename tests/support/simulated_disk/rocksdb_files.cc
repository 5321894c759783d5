#include "simulated_disk/rocksdb_files.h"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "simulated_disk/rocksdb_open_files.h"

namespace restored::test {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

IOStatus io_status(int error, const std::string& what, const std::string& path) {
  if (error == 0) return IOStatus::OK();
  const std::string where = "While " + what + ": " + path;
  const std::string why = std::generic_category().message(error);
  if (error == ENOENT) return IOStatus::PathNotFound(where, why);
  if (error != ENOSPC) return IOStatus::IOError(where, why);
  IOStatus full = IOStatus::NoSpace(where, why);
  full.SetRetryable(true);
  return full;
}

namespace {

class Lock final : public rocksdb::FileLock {
 public:
  explicit Lock(std::string locked) : path(std::move(locked)) {}
  const std::string path;
};

class Files final : public rocksdb::FileSystem {
 public:
  explicit Files(SimulatedDisk& disk) : disk_(disk) {}
  const char* Name() const override { return "restored.simulated-disk"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext*) override {
    auto handle = disk_.open(path, OpenMode::existing);
    if (!handle) return io_status(handle.error(), "open for reading", path);
    *file = sequential_file(std::move(*handle), options.use_direct_reads);
    return IOStatus::OK();
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext*) override {
    auto handle = disk_.open(path, OpenMode::existing);
    if (!handle) return io_status(handle.error(), "open for reading", path);
    *file = random_access_file(std::move(*handle), options.use_direct_reads);
    return IOStatus::OK();
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext*) override {
    return open_to_write(path, options, /*from_empty=*/true, file);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext*) override {
    return open_to_write(path, options, /*from_empty=*/false, file);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file,
                             IODebugContext*) override {
    if (const int error = disk_.rename(old_path, path); error != 0)
      return io_status(error, "rename", path);
    auto handle = disk_.open(path, OpenMode::existing);
    if (!handle) return io_status(handle.error(), "open for writing", path);
    *file = writable_file(std::move(*handle), 0, options);
    return IOStatus::OK();
  }
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                           IODebugContext*) override {
    auto handle = disk_.open(path, OpenMode::create_or_open);
    if (!handle) return io_status(handle.error(), "open for reading and writing", path);
    *file = random_rw_file(std::move(*handle));
    return IOStatus::OK();
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* opened, IODebugContext*) override {
    const auto facts = disk_.stat(path);
    if (!facts) return io_status(facts.error(), "open directory", path);
    if (!facts->directory) return io_status(ENOTDIR, "open directory", path);
    *opened = directory(disk_, path);
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    const auto facts = disk_.stat(path);
    if (facts) return IOStatus::OK();
    return facts.error() == ENOENT ? IOStatus::NotFound() : io_status(facts.error(), "look", path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* names,
                       IODebugContext*) override {
    names->clear();
    const auto found = disk_.list(path);
    if (!found)
      return found.error() == ENOENT ? IOStatus::NotFound()
                                     : io_status(found.error(), "list", path);
    for (const NodeFacts& facts : *found) names->push_back(facts.name);
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return io_status(disk_.remove_file(path), "unlink", path);
  }
  IOStatus Truncate(const std::string& path, std::size_t size, const IOOptions&,
                    IODebugContext*) override {
    auto handle = disk_.open(path, OpenMode::existing);
    if (!handle) return io_status(handle.error(), "truncate", path);
    return io_status((*handle)->truncate(size), "truncate", path);
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return io_status(disk_.make_directory(path), "mkdir", path);
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    const int error = disk_.make_directory(path);
    if (error != EEXIST) return io_status(error, "mkdir", path);
    const auto facts = disk_.stat(path);
    return facts && facts->directory ? IOStatus::OK() : io_status(ENOTDIR, "mkdir", path);
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return io_status(disk_.remove_directory(path), "rmdir", path);
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, std::uint64_t* size,
                       IODebugContext*) override {
    const auto facts = disk_.stat(path);
    *size = facts ? facts->size_bytes : 0;
    return io_status(facts ? 0 : facts.error(), "stat", path);
  }
  IOStatus GetFileModificationTime(const std::string& path, const IOOptions&, std::uint64_t* time,
                                   IODebugContext*) override {
    const auto facts = disk_.stat(path);
    if (facts) *time = static_cast<std::uint64_t>(facts->modified_unix_millis / 1000);
    return io_status(facts ? 0 : facts.error(), "stat", path);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return io_status(disk_.rename(from, to), "rename", from + " to " + to);
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                    IODebugContext*) override {
    return io_status(disk_.link(from, to), "link", from + " to " + to);
  }
  IOStatus NumFileLinks(const std::string& path, const IOOptions&, std::uint64_t* count,
                        IODebugContext*) override {
    const auto facts = disk_.stat(path);
    if (facts) *count = facts->names;
    return io_status(facts ? 0 : facts.error(), "stat", path);
  }
  IOStatus AreFilesSame(const std::string& first, const std::string& second, const IOOptions&,
                        bool* same, IODebugContext*) override {
    const auto one = disk_.stat(first);
    const auto other = disk_.stat(second);
    if (!one || !other) return io_status(one ? other.error() : one.error(), "stat", first);
    *same = one->number == other->number;
    return IOStatus::OK();
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    *lock = nullptr;
    const int error = disk_.lock(path);
    if (error == 0) *lock = new Lock(path);
    return io_status(error, "lock", path);
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    const std::unique_ptr<Lock> held(static_cast<Lock*>(lock));
    disk_.unlock(held->path);
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions& options, std::string* path,
                            IODebugContext* debug) override {
    *path = "/test";
    return CreateDirIfMissing(*path, options, debug);
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* absolute,
                           IODebugContext*) override {
    *absolute = path.starts_with('/') ? path : "/" + path;
    return IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, std::uint64_t* free,
                        IODebugContext*) override {
    const auto space = disk_.space(path);
    if (space) *free = space->first;
    return io_status(space ? 0 : space.error(), "statvfs", path);
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_directory,
                       IODebugContext*) override {
    const auto facts = disk_.stat(path);
    if (facts) *is_directory = facts->directory;
    return io_status(facts ? 0 : facts.error(), "stat", path);
  }

 private:
  IOStatus open_to_write(const std::string& path, const FileOptions& options, bool from_empty,
                         std::unique_ptr<rocksdb::FSWritableFile>* file) {
    auto handle = disk_.open(path, OpenMode::create_or_open);
    if (!handle) return io_status(handle.error(), "open for writing", path);
    const auto size = (*handle)->size();
    if (!size) return io_status(size.error(), "stat", path);
    if (from_empty && *size > 0) {
      if (const int error = (*handle)->truncate(0); error != 0)
        return io_status(error, "truncate", path);
    }
    *file = writable_file(std::move(*handle), from_empty ? 0 : *size, options);
    return IOStatus::OK();
  }

  SimulatedDisk& disk_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> simulated_rocksdb_files(SimulatedDisk& disk) {
  return std::make_shared<Files>(disk);
}

}  // namespace restored::test
