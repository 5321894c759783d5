// The first error of several threads.
#pragma once

#include <mutex>
#include <utility>

#include "restored/error.h"

namespace restored::bench {

// Threading: all methods may be called from any thread at once.
class Outcome {
 public:
  void note(Result<void> result) {
    const std::lock_guard lock(mutex_);
    if (!result && result_) result_ = std::move(result);
  }
  Result<void> result() const {
    const std::lock_guard lock(mutex_);
    return result_;
  }

 private:
  mutable std::mutex mutex_;
  Result<void> result_;
};

}  // namespace restored::bench
