// One process per state directory: an exclusive flock on <state>/lock, which the kernel gives
// back however the process ends.
#pragma once

#include <string>

#include "base/unique_fd.h"
#include "restored/error.h"

namespace restored::restore {

class StateLock {
 public:
  // Errors: state_locked, permission_denied, io_error.
  static Result<StateLock> acquire(const std::string& path);

 private:
  explicit StateLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace restored::restore
