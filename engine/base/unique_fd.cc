#include "base/unique_fd.h"

#include <unistd.h>

namespace restored {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void UniqueFd::reset() noexcept {
  // Not repeated after EINTR: Linux has released the number by then, and another thread may have
  // it already. Whoever must know about write errors syncs or closes explicitly before.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace restored
