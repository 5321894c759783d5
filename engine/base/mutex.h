// std::mutex with clang's thread-safety annotations; g++ sees plain classes.
#pragma once

#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define RESTORED_TSA(x) __attribute__((x))
#else
#define RESTORED_TSA(x)
#endif
#define GUARDED_BY(m) RESTORED_TSA(guarded_by(m))
#define REQUIRES_LOCK(...) RESTORED_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES_LOCK(...) RESTORED_TSA(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS RESTORED_TSA(no_thread_safety_analysis)

namespace restored {

class RESTORED_TSA(capability("mutex")) Mutex {
 public:
  void lock() RESTORED_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() RESTORED_TSA(release_capability()) { mutex_.unlock(); }
  bool try_lock() RESTORED_TSA(try_acquire_capability(true)) { return mutex_.try_lock(); }

 private:
  std::mutex mutex_;
};

class RESTORED_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) RESTORED_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() RESTORED_TSA(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// For state that many threads read and few change.
class RESTORED_TSA(capability("shared_mutex")) SharedMutex {
 public:
  void lock() RESTORED_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() RESTORED_TSA(release_capability()) { mutex_.unlock(); }
  void lock_shared() RESTORED_TSA(acquire_shared_capability()) { mutex_.lock_shared(); }
  void unlock_shared() RESTORED_TSA(release_shared_capability()) { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class RESTORED_TSA(scoped_lockable) SharedLock {
 public:
  explicit SharedLock(SharedMutex& mutex) RESTORED_TSA(acquire_shared_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock_shared();
  }
  ~SharedLock() RESTORED_TSA(release_generic_capability()) { mutex_.unlock_shared(); }
  SharedLock(const SharedLock&) = delete;
  SharedLock& operator=(const SharedLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class RESTORED_TSA(scoped_lockable) ExclusiveLock {
 public:
  explicit ExclusiveLock(SharedMutex& mutex) RESTORED_TSA(acquire_capability(mutex))
      : mutex_(mutex) {
    mutex_.lock();
  }
  ~ExclusiveLock() RESTORED_TSA(release_capability()) { mutex_.unlock(); }
  ExclusiveLock(const ExclusiveLock&) = delete;
  ExclusiveLock& operator=(const ExclusiveLock&) = delete;

 private:
  SharedMutex& mutex_;
};

// Wait with std::condition_variable_any on a Mutex that the caller holds:
//   while (!ready_) changed_.wait(mutex_);      and with a stop token:
//   changed_.wait(mutex_, stop, [&] { return ready_; });
// The predicate runs with the mutex held; annotate it NO_THREAD_SAFETY_ANALYSIS.
using ConditionVariable = std::condition_variable_any;

}  // namespace restored
