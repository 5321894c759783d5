#include "io/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/log.h"
#include "base/unique_fd.h"
#include "io/directory_maker.h"
#include "io/errno_error.h"
#include "io/posix_file.h"

namespace restored::io {
namespace {

std::string file_name(const std::string& path) {
  const auto last = path.find_last_not_of('/');
  if (last == std::string::npos) return "/";
  const auto slash = path.rfind('/', last);
  const auto begin = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(begin, last + 1 - begin);
}

Entry entry_from(std::string name, const struct ::stat& facts) {
  Entry entry;
  entry.name = std::move(name);
  entry.directory = S_ISDIR(facts.st_mode);
  entry.size_bytes = entry.directory ? 0 : static_cast<std::uint64_t>(facts.st_size);
  entry.modified_unix_millis =
      std::int64_t{facts.st_mtim.tv_sec} * 1000 + facts.st_mtim.tv_nsec / 1'000'000;
  entry.device = facts.st_dev;
  entry.inode = facts.st_ino;
  entry.links = facts.st_nlink;
  return entry;
}

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Access access,
                                     Caching caching) override {
    return open_posix_file(path, access, caching);
  }
  Result<Entry> stat(const std::string& path) override;
  Result<std::vector<Entry>> list(const std::string& directory) override;
  Result<void> make_directories(const std::string& path) override { return maker_.make(path); }
  Result<void> link(const std::string& existing, const std::string& added) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove_file(const std::string& path) override;
  Result<void> remove_tree(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<Space> space(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;

 private:
  static int make_one(const std::string& path) {
    return ::mkdir(path.c_str(), 0750) == 0 ? 0 : errno;
  }
  DirectoryMaker maker_{*this, {make_one, [this](const std::string& path) {
                                  return sync_directory(parent_directory(path));
                                }}};
};

// An flock, which the kernel gives back however the process ends.
class PosixLock final : public FileLock {
 public:
  explicit PosixLock(UniqueFd fd) : fd_(std::move(fd)) {}

 private:
  const UniqueFd fd_;
};

Result<Entry> PosixFileSystem::stat(const std::string& path) {
  struct ::stat facts = {};
  if (::stat(path.c_str(), &facts) != 0) return fail_errno(errno, "stat", path);
  return entry_from(file_name(path), facts);
}

Result<std::vector<Entry>> PosixFileSystem::list(const std::string& directory) {
  const std::unique_ptr<DIR, DirectoryCloser> stream(::opendir(directory.c_str()));
  if (!stream) return fail_errno(errno, "list", directory);
  std::vector<Entry> entries;
  for (;;) {
    errno = 0;
    const struct ::dirent* const found = ::readdir(stream.get());
    if (found == nullptr) {
      if (errno != 0) return fail_errno(errno, "list", directory);
      break;
    }
    const std::string_view name = found->d_name;
    if (name == "." || name == "..") continue;
    struct ::stat facts = {};
    if (::fstatat(::dirfd(stream.get()), found->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed meanwhile
      return fail_errno(errno, "stat", directory + "/" + std::string(name));
    }
    entries.push_back(entry_from(std::string(name), facts));
  }
  std::ranges::sort(entries, {}, &Entry::name);
  return entries;
}

Result<void> PosixFileSystem::link(const std::string& existing, const std::string& added) {
  if (::link(existing.c_str(), added.c_str()) != 0) {
    return fail_errno(errno, "link", existing + " to " + added);
  }
  return {};
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return fail_errno(errno, "rename", from + " to " + to);
  return {};
}

Result<void> PosixFileSystem::remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, "remove", path);
  return {};
}

Result<void> PosixFileSystem::remove_tree(const std::string& path) {
  // libstdc++ walks by descriptor and never follows a symbolic link. It ends where somebody else
  // was first with an entry, as RocksDB is that removes files for a moment after it was closed.
  while (true) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (!error) return {};
    if (error.value() != ENOENT) return fail_errno(error.value(), "remove", path);
    struct ::stat facts = {};
    if (::lstat(path.c_str(), &facts) == 0) continue;  // one entry less is left each time
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return fail_errno(errno, "remove", path);
  }
}

Result<void> PosixFileSystem::sync_directory(const std::string& path) {
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail_errno(errno, "open", path);
  if (::fsync(directory.get()) == 0) return {};
  if (errno != EINVAL && errno != EOPNOTSUPP) return fail_errno(errno, "fsync", path);
  // Some network and user-space file systems have no such call and order entries themselves.
  static std::atomic<bool> noted = false;
  if (!noted.exchange(true)) {
    log::warning("io",
                 "the file system of {} cannot sync directories: a power loss may undo "
                 "renames; use a local file system",
                 path);
  }
  return {};
}

Result<Space> PosixFileSystem::space(const std::string& path) {
  struct ::statvfs facts = {};
  if (::statvfs(path.c_str(), &facts) != 0) return fail_errno(errno, "statvfs", path);
  return Space{std::uint64_t{facts.f_bavail} * facts.f_frsize,
               std::uint64_t{facts.f_blocks} * facts.f_frsize};
}

Result<std::unique_ptr<FileLock>> PosixFileSystem::lock(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail_errno(errno, "open", path);
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return lock_is_held(path);
    return fail_errno(errno, "flock", path);
  }
  return std::make_unique<PosixLock>(std::move(fd));
}

}  // namespace

FileSystem& system_files() {
  static PosixFileSystem files;
  return files;
}

std::unexpected<Error> lock_is_held(const std::string& path) {
  return fail(ErrorCode::state_locked, path + " is locked by another process");
}

std::string parent_directory(const std::string& path) {
  const auto last = path.find_last_not_of('/');
  if (last == std::string::npos) return path.empty() ? "." : "/";
  const auto slash = path.rfind('/', last);
  if (slash == std::string::npos) return ".";
  const auto end = path.find_last_not_of('/', slash);
  return end == std::string::npos ? "/" : path.substr(0, end + 1);
}

}  // namespace restored::io
