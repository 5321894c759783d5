#include "state_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/unique_fd.h"

namespace restored::agent {
namespace {

constexpr mode_t others = S_IRWXG | S_IRWXO;

std::unexpected<Error> failure(std::string_view call, const std::string& path, int error) {
  const bool refused = error == EACCES || error == EPERM;
  return fail(refused ? ErrorCode::permission_denied : ErrorCode::io_error,
              fmt::format("{} {}: {}", call, path, std::strerror(error)));
}

Result<void> check_owner(const std::string& path, const struct stat& facts) {
  if (facts.st_uid == ::geteuid()) return {};
  return fail(ErrorCode::permission_denied,
              fmt::format("the state directory {} belongs to user {}, and the agent runs as {}",
                          path, facts.st_uid, ::geteuid()),
              "Run the agent as the directory's user, or give it the directory and all in it "
              "(chown -R).");
}

// What stands at the top. A link is left alone, and so is what is another's: neither is ours to
// change. Returns how many were open to others.
Result<std::size_t> close_entries(UniqueFd directory, const std::string& path) {
  const int fd = directory.get();
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd), &::closedir);
  if (!entries) return failure("opendir", path, errno);
  directory.release();  // closed with the entries
  std::size_t changed = 0;
  errno = 0;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    struct stat facts{};
    if (name == "." || name == "..") continue;
    if (::fstatat(fd, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) return failure("stat", fmt::format("{}/{}", path, name), errno);
    } else if (!S_ISLNK(facts.st_mode) && facts.st_uid == ::geteuid() &&
               (facts.st_mode & others) != 0) {
      if (::fchmodat(fd, entry->d_name, facts.st_mode & ~others & 07777, 0) != 0)
        return failure("chmod", fmt::format("{}/{}", path, name), errno);
      ++changed;
    }
    errno = 0;
  }
  if (errno != 0) return failure("readdir", path, errno);
  return changed;
}

}  // namespace

Result<void> close_state_directory(const std::string& path) {
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory && errno == ENOENT) return {};
  if (!directory && errno == ENOTDIR)
    return fail(ErrorCode::invalid_configuration, fmt::format("{} is not a directory", path));
  struct stat facts{};
  if (!directory) {
    const int error = errno;
    // Who it belongs to says more than that it cannot be opened.
    if (::stat(path.c_str(), &facts) == 0) RESTORED_TRY(check_owner(path, facts));
    return failure("open", path, error);
  }
  if (::fstat(directory.get(), &facts) != 0) return failure("fstat", path, errno);
  RESTORED_TRY(check_owner(path, facts));
  const bool open = (facts.st_mode & others) != 0;
  if (open && ::fchmod(directory.get(), facts.st_mode & ~others & 07777) != 0)
    return failure("chmod", path, errno);
  RESTORED_TRY(const std::size_t entries, close_entries(std::move(directory), path));
  if (open) {
    log::warning("agent",
                 "the state directory {} was open to other users (mode {:04o}): now it is not; "
                 "whoever could read it may know the administrator's token (--new-admin-token)",
                 path, facts.st_mode & 07777);
  } else if (entries > 0) {
    log::info("agent", "took the permissions of other users from {} entries of {}", entries, path);
  }
  return {};
}

}  // namespace restored::agent
