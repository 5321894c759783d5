// Directories that are to be there after a power loss, whoever made them: of one that is found, the
// process that made it may have been killed before it synced its name. So the first time that this
// process relies on a directory it syncs what holds the name, and so up to the file system's root.
// Costs a stat where that was done before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"
#include "io/file_system.h"

namespace restored::io {

// Threading: make() from any thread at once.
class DirectoryMaker {
 public:
  // What is remembered is forgotten beyond this many, and asked for again.
  static constexpr std::size_t names_max = 4096;

  struct Calls {
    std::function<int(const std::string& path)> make;                // one directory; an errno
    std::function<Result<void>(const std::string& path)> sync_name;  // what holds the name of path
  };
  // `files` is asked by stat() alone, and outlives it.
  DirectoryMaker(FileSystem& files, Calls calls) : files_(files), calls_(std::move(calls)) {}

  // Makes missing parents. Errors: file_exists when it is no directory.
  Result<void> make(const std::string& path);

 private:
  using Identity = std::pair<std::uint64_t, std::uint64_t>;  // device and inode
  bool is_durable(const std::string& path, const Identity& identity);
  void note_durable(const std::string& path, const Identity& identity);

  FileSystem& files_;
  const Calls calls_;
  Mutex mutex_;
  // By identity too: one that was removed and made again by somebody else is another one.
  std::map<std::string, Identity> durable_ GUARDED_BY(mutex_);
};

}  // namespace restored::io
