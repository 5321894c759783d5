// A queue between two stages: bounded, closable, and every wait ends when the stop token fires.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"

namespace restored::pipeline {

template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t items_max) : items_max_(items_max) {
    RESTORED_CHECK(items_max > 0, "a queue without room never moves");
  }

  // Waits for room. False, and the item is dropped, when the queue was closed or stopped.
  bool push(T item, std::stop_token stop) {
    MutexLock lock(mutex_);
    const auto may_go_on = [this]() NO_THREAD_SAFETY_ANALYSIS {
      return closed_ || items_.size() < items_max_;
    };
    if (!changed_.wait(mutex_, std::move(stop), may_go_on) || closed_) return false;
    items_.push_back(std::move(item));
    changed_.notify_all();
    return true;
  }

  // For producers that must not wait and whose number of items is bounded elsewhere.
  // False, and the item is dropped, when the queue is full or closed.
  bool try_push(T item) {
    MutexLock lock(mutex_);
    if (closed_ || items_.size() >= items_max_) return false;
    items_.push_back(std::move(item));
    changed_.notify_all();
    return true;
  }

  // Waits for an item, in the order of arrival. Nothing once the queue is closed and empty, or
  // stopped (items may be left then).
  std::optional<T> pop(std::stop_token stop) {
    MutexLock lock(mutex_);
    const auto may_go_on = [this]()
                               NO_THREAD_SAFETY_ANALYSIS { return closed_ || !items_.empty(); };
    if (stop.stop_requested() || !changed_.wait(mutex_, std::move(stop), may_go_on)) return {};
    if (items_.empty()) return {};
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    changed_.notify_all();
    return item;
  }

  // No more items come; those that are in can still be taken.
  void close() {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  // Drops what is left, outside the lock: items own things whose release takes other locks.
  void discard() {
    std::deque<T> dropped;
    MutexLock lock(mutex_);
    dropped.swap(items_);
    changed_.notify_all();
  }

 private:
  const std::size_t items_max_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<T> items_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace restored::pipeline
