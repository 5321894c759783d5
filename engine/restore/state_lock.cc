#include "restore/state_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace restored::restore {

Result<StateLock> StateLock::acquire(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    const int error = errno;
    return fail(
        error == EACCES || error == EPERM ? ErrorCode::permission_denied : ErrorCode::io_error,
        fmt::format("open {}: {}", path, std::strerror(error)));
  }
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    if (error == EWOULDBLOCK) {
      return fail(ErrorCode::state_locked, fmt::format("{} is locked by another process", path));
    }
    return fail(ErrorCode::io_error, fmt::format("flock {}: {}", path, std::strerror(error)));
  }
  return StateLock(std::move(fd));
}

}  // namespace restored::restore
