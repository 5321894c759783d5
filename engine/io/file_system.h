// The one door to the operating system's files. Everything of ours that must be durable or may
// fail goes through it, so that tests can put a lying disk behind it. RocksDB has its own door.
// errno is translated here and nowhere else: ENOENT file_not_found, EEXIST file_exists, EACCES
// and EPERM permission_denied, ENOSPC and EDQUOT no_space, the rest io_error; messages name the
// call, the path and the errno.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "restored/error.h"

namespace restored::io {

enum class Access : std::uint8_t {
  read,           // must exist
  write,          // must exist; read and write
  create,         // must not exist; read and write
  create_or_open  // read and write
};
enum class Caching : std::uint8_t {
  buffered,
  direct,  // O_DIRECT where the file system has it, else buffered; offsets, lengths and memory
           // aligned to limits::io_alignment either way
};

// Threading: reads and writes of distinct ranges from any thread at once.
class File {
 public:
  virtual ~File() = default;
  virtual const std::string& path() const = 0;
  // Exactly these bytes, short reads re-sliced. Errors: corruption when the file ends before.
  virtual Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) = 0;
  virtual Result<void> write_at(std::uint64_t offset, std::span<const std::byte> from) = 0;
  virtual Result<std::uint64_t> size() = 0;
  virtual Result<void> truncate(std::uint64_t size_bytes) = 0;
  // Reserves blocks, so that writes below size_bytes do not fail for space and do not serialise.
  // The file is at least that long afterwards. A file system that cannot is not an error, and
  // leaves the file as it was.
  virtual Result<void> allocate(std::uint64_t size_bytes) = 0;
  virtual Result<void> sync() = 0;   // data and the metadata needed to read it (fdatasync)
  virtual void drop_cache() = 0;     // advice: these pages will not be needed again
  virtual Result<void> close() = 0;  // reports what the destructor would swallow
  virtual bool direct() const = 0;
  virtual int descriptor() const = 0;  // for the ring only
};

struct Entry {
  std::string name;
  bool directory = false;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_unix_millis = 0;
  std::uint64_t device = 0;  // the file system that it is on
  std::uint64_t inode = 0;   // the same for all names of one file
  std::uint64_t links = 0;   // how many names it has
};

struct Space {
  std::uint64_t free_bytes = 0;  // for us: f_bavail
  std::uint64_t total_bytes = 0;
};

// Held until it ends, or the process does.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// Threading: all methods may be called from any thread at once.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, Access access,
                                             Caching caching) = 0;
  virtual Result<Entry> stat(const std::string& path) = 0;
  virtual Result<std::vector<Entry>> list(const std::string& directory) = 0;  // by name
  // Makes missing parents. All of the path is there after a power loss, whoever made it
  // (directory_maker.h).
  virtual Result<void> make_directories(const std::string& path) = 0;
  virtual Result<void> link(const std::string& existing, const std::string& added) = 0;
  // Replaces an existing target atomically. Not durable before sync_directory().
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove_file(const std::string& path) = 0;  // missing: not an error
  virtual Result<void> remove_tree(const std::string& path) = 0;  // missing: not an error
  virtual Result<void> sync_directory(const std::string& path) = 0;
  virtual Result<Space> space(const std::string& path) = 0;
  // Makes the file, readable for its owner alone, when it is missing. Errors: state_locked.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

FileSystem& system_files();

std::unexpected<Error> lock_is_held(const std::string& path);  // state_locked

std::string parent_directory(const std::string& path);

// The whole of a small file. Errors: corruption when it is larger than bytes_max.
Result<std::string> read_file(FileSystem& files, const std::string& path, std::uint64_t bytes_max);
// path holds either its old content or the new, whole, after any crash: temporary file beside it
// (".<name>.<random>.tmp"; a crash may leave one behind), fdatasync, rename, sync of the directory.
// On error the old content is there, or, if only the last sync failed, the new.
Result<void> replace_file(FileSystem& files, const std::string& path,
                          std::span<const std::byte> content);
// Removes the temporary files that crashes left in a directory. REQUIRES: nobody replaces a file in
// it meanwhile.
Result<void> remove_cut_off_replacements(FileSystem& files, const std::string& directory);

}  // namespace restored::io
