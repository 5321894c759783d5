#include "pipeline/first_error.h"

#include <utility>

namespace restored::pipeline {

FirstError::FirstError(std::stop_token outer)
    : outer_stopped_(std::move(outer),
                     [this] { record(Error{ErrorCode::cancelled, "stopped", {}}); }) {}

void FirstError::record(Error error) {
  {
    MutexLock lock(mutex_);
    if (error_) return;
    error_ = std::move(error);
  }
  source_.request_stop();
}

Result<void> FirstError::result() const {
  MutexLock lock(mutex_);
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace restored::pipeline
