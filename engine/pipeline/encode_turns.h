// Bounds how many threads encode at once, however many files are on their way to a slow store: the
// cores belong to the clients first. Held for one frame, never while waiting for anything.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <stop_token>
#include <utility>

#include "base/mutex.h"
#include "restored/error.h"

namespace restored::pipeline {

class EncodeTurns {
 public:
  // Move-only; its destructor gives the turn back.
  class Turn {
   public:
    Turn(Turn&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (owner_ != nullptr) owner_->give_back();
    }

   private:
    friend class EncodeTurns;
    explicit Turn(EncodeTurns& owner) : owner_(&owner) {}
    EncodeTurns* owner_;
  };

  explicit EncodeTurns(unsigned turns) : free_(turns) {}

  // Errors: cancelled.
  Result<Turn> take(std::stop_token stop) {
    MutexLock lock(mutex_);
    const auto is_free = [this]() NO_THREAD_SAFETY_ANALYSIS { return free_ > 0; };
    if (!freed_.wait(mutex_, std::move(stop), is_free)) {
      return fail(ErrorCode::cancelled, "stopped");
    }
    --free_;
    return Turn(*this);
  }

 private:
  void give_back() noexcept {
    MutexLock lock(mutex_);
    ++free_;
    freed_.notify_one();
  }

  Mutex mutex_;
  ConditionVariable freed_;
  unsigned free_ GUARDED_BY(mutex_);
};

}  // namespace restored::pipeline
