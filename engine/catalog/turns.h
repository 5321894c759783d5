// Who changes the catalog has the turn: swaps, undo, retirement, flushes, notes. Unlike a mutex it
// may be held across RocksDB calls and a closed gate.
#pragma once

#include <optional>
#include <utility>

#include "base/mutex.h"

namespace restored::catalog {

// Threading: all methods from any thread at once.
class Turns {
 public:
  class Turn {
   public:
    Turn(Turn&& other) noexcept : turns_(std::exchange(other.turns_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (turns_ != nullptr) turns_->give_back();
    }

   private:
    friend class Turns;
    explicit Turn(Turns* turns) : turns_(turns) {}
    Turns* turns_;
  };

  Turn take() {
    MutexLock lock(mutex_);
    while (taken_) free_.wait(mutex_);
    taken_ = true;
    return Turn(this);
  }

  std::optional<Turn> try_take() {
    MutexLock lock(mutex_);
    if (taken_) return std::nullopt;
    taken_ = true;
    return Turn(this);
  }

 private:
  void give_back() {
    MutexLock lock(mutex_);
    taken_ = false;
    free_.notify_one();
  }

  Mutex mutex_;
  ConditionVariable free_;
  bool taken_ GUARDED_BY(mutex_) = false;
};

}  // namespace restored::catalog
