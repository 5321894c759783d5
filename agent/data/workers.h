// A few threads for what must not run on a thread that serves connections: commands that read the
// whole data set, replace it, or move big values.
//
// Threading: all methods may be called from any thread at once.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace restored::data {

class Workers {
 public:
  explicit Workers(unsigned threads);
  ~Workers();  // runs what was submitted, then joins
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Jobs start in order of submission. A connection submits one at a time, so the number of
  // connections bounds the queue.
  void submit(std::function<void()> job);

 private:
  void run();

  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<std::function<void()>> jobs_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace restored::data
