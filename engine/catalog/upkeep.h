// The one background thread of a database. It syncs the write-ahead log within a second of an
// unsynced write, and does what must not happen on a serving thread: closing and dropping column
// families, switching auto-compaction, settling a catalog write whose outcome is in doubt.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "restored/error.h"

namespace restored::catalog {

// Threading: all methods from any thread at once, but stop() once.
class Upkeep {
 public:
  enum class Fate : std::uint8_t {
    close,  // the handle is released; the column family stays
    drop,   // the column family is dropped, then the handle released
  };
  // True when done; false to be asked again after `retry_delay`, and once more at stop().
  using Job = std::function<bool()>;

  // `sync_log` makes durable what was written before it is called; upkeep's thread only.
  Upkeep(rocksdb::DB& db, std::function<rocksdb::Status()> sync_log);
  ~Upkeep();  // REQUIRES: stopped
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  // An unsynced write has returned. Cheap: one exchange, and a notification once a period.
  void written() noexcept;
  // A column family handle is in use from here until release() has been carried out.
  void adopt();
  void release(rocksdb::ColumnFamilyHandle* handle, Fate fate) noexcept;
  void submit(Job job);
  // Until all jobs that were submitted or released before were tried.
  void flush();
  // Waits until every adopted handle came back (checked: within `handles_wait`), does what is
  // left, syncs the log a last time and ends the thread. Errors: of that sync.
  Result<void> stop();

  static constexpr std::chrono::milliseconds retry_delay{1000};
  static constexpr std::chrono::seconds handles_wait{60};

 private:
  using Time = std::chrono::steady_clock::time_point;

  void run();
  void work_until_stopped();
  bool drop_and_close(rocksdb::ColumnFamilyHandle* handle, Fate fate);
  void run_jobs(std::deque<Job> jobs, bool last_try);
  void sync_when_due();
  // How long there is nothing to do; nothing: until somebody notifies.
  std::optional<Time> next_wake() const REQUIRES_LOCK(mutex_);

  rocksdb::DB& db_;
  const std::function<rocksdb::Status()> sync_log_;
  std::atomic<bool> dirty_ = false;  // the log holds writes that no sync has covered
  bool sync_failed_ = false;         // upkeep thread: said once in the log

  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::deque<Job> jobs_ GUARDED_BY(mutex_);
  std::deque<Job> retries_ GUARDED_BY(mutex_);
  Time retry_at_ GUARDED_BY(mutex_);
  std::optional<Time> sync_at_ GUARDED_BY(mutex_);
  std::size_t handles_ GUARDED_BY(mutex_) = 0;
  bool busy_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace restored::catalog
