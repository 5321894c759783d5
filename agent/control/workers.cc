#include "control/workers.h"

#include <pthread.h>

#include <utility>

namespace restored::control {

void Workers::submit(Job job) {
  const MutexLock lock(mutex_);
  jobs_.push_back(std::move(job));
  if (idle_ < jobs_.size() && threads_.size() < max_) {
    threads_.emplace_back([this] { work(); });
    pthread_setname_np(threads_.back().native_handle(), name_.c_str());
  }
  changed_.notify_one();
}

bool Workers::has_room() {
  const MutexLock lock(mutex_);
  return idle_ > jobs_.size() || threads_.size() < max_;
}

void Workers::work() {
  mutex_.lock();
  while (true) {
    ++idle_;
    while (jobs_.empty() && !stopping_) changed_.wait(mutex_);
    --idle_;
    if (jobs_.empty()) break;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    mutex_.unlock();
    job();
    job = nullptr;  // what it holds is released outside the lock
    mutex_.lock();
  }
  mutex_.unlock();
}

void Workers::stop() {
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    changed_.notify_all();
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace restored::control
