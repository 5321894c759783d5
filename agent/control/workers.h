// A small pool of threads for calls that may block. Threads start when there is work for them.
// Threading: all methods may be called from any thread at once, stop() once.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace restored::control {

class Workers {
 public:
  // Jobs throw nothing.
  using Job = std::move_only_function<void()>;

  Workers(std::string name, unsigned threads_max) : name_(std::move(name)), max_(threads_max) {}
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // The queue has no bound of its own: who submits has one job under way per client.
  void submit(Job job) EXCLUDES_LOCK(mutex_);
  // Whether a job would begin at once.
  bool has_room() EXCLUDES_LOCK(mutex_);
  // Runs what was submitted, then ends the threads.
  void stop() EXCLUDES_LOCK(mutex_);

 private:
  void work() EXCLUDES_LOCK(mutex_);

  const std::string name_;
  const unsigned max_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Job> jobs_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ GUARDED_BY(mutex_);
  std::size_t idle_ GUARDED_BY(mutex_) = 0;
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace restored::control
