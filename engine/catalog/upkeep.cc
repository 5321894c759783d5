#include "catalog/upkeep.h"

#include <exception>
#include <utility>

#include "base/check.h"
#include "base/kill_point.h"
#include "base/log.h"
#include "base/thread_priority.h"
#include "catalog/options.h"
#include "catalog/status.h"

namespace restored::catalog {

Upkeep::Upkeep(rocksdb::DB& db, std::function<rocksdb::Status()> sync_log)
    : db_(db), sync_log_(std::move(sync_log)), thread_([this] { run(); }) {}

Upkeep::~Upkeep() {
  RESTORED_CHECK(!thread_.joinable(), "upkeep is stopped before it ends");
}

void Upkeep::written() noexcept {
  if (dirty_.load() || dirty_.exchange(true)) return;
  MutexLock lock(mutex_);
  sync_at_ = std::chrono::steady_clock::now() + wal_sync_delay;
  changed_.notify_all();
}

void Upkeep::adopt() {
  MutexLock lock(mutex_);
  ++handles_;
}

void Upkeep::release(rocksdb::ColumnFamilyHandle* handle, Fate fate) noexcept {
  submit([this, handle, fate] { return drop_and_close(handle, fate); });
}

void Upkeep::submit(Job job) {
  MutexLock lock(mutex_);
  jobs_.push_back(std::move(job));
  changed_.notify_all();
}

void Upkeep::flush() {
  MutexLock lock(mutex_);
  while (!jobs_.empty() || busy_) changed_.wait(mutex_);
}

Result<void> Upkeep::stop() {
  {
    MutexLock lock(mutex_);
    const Time deadline = std::chrono::steady_clock::now() + handles_wait;
    stopping_ = true;
    changed_.notify_all();
    while (handles_ > 0 && std::chrono::steady_clock::now() < deadline)
      changed_.wait_until(mutex_, deadline);
    RESTORED_CHECK(handles_ == 0, "a pin or cursor outlived its database");
  }
  thread_.join();
  return checked(sync_log_(), "syncing the write-ahead log at close");
}

void Upkeep::run() {
  enter_background_thread("upkeep");
  try {
    work_until_stopped();
  } catch (const std::exception& error) {
    log::error("catalog", "upkeep thread: {}", error.what());
    RESTORED_CHECK(false, "the upkeep thread must not end by an exception");
  }
}

std::optional<Upkeep::Time> Upkeep::next_wake() const {
  std::optional<Time> wake = sync_at_;
  if (!retries_.empty() && (!wake || retry_at_ < *wake)) wake = retry_at_;
  return wake;
}

void Upkeep::work_until_stopped() {
  for (;;) {
    std::deque<Job> jobs;
    bool sync = false;
    bool last_try = false;
    {
      MutexLock lock(mutex_);
      busy_ = false;
      changed_.notify_all();
      for (;;) {
        const Time now = std::chrono::steady_clock::now();
        if (stopping_ || (!retries_.empty() && retry_at_ <= now)) {
          for (Job& job : retries_) jobs_.push_back(std::move(job));
          retries_.clear();
        }
        sync = sync_at_ && *sync_at_ <= now;
        last_try = stopping_;
        if (!jobs_.empty() || sync) break;
        if (stopping_ && handles_ == 0) return;
        if (const auto wake = next_wake()) {
          changed_.wait_until(mutex_, *wake);
        } else {
          changed_.wait(mutex_);
        }
      }
      jobs.swap(jobs_);
      if (sync) sync_at_.reset();
      busy_ = true;
    }
    if (sync) sync_when_due();
    run_jobs(std::move(jobs), last_try);
  }
}

void Upkeep::run_jobs(std::deque<Job> jobs, bool last_try) {
  for (Job& job : jobs) {
    if (job() || last_try) continue;
    MutexLock lock(mutex_);
    if (retries_.empty()) retry_at_ = std::chrono::steady_clock::now() + retry_delay;
    retries_.push_back(std::move(job));
  }
}

bool Upkeep::drop_and_close(rocksdb::ColumnFamilyHandle* handle, Fate fate) {
  bool stopping = false;
  {
    MutexLock lock(mutex_);
    stopping = stopping_;
  }
  if (fate == Fate::drop) {
    kill_point("catalog.retire.before-drop");
    const std::string name = handle->GetName();
    const rocksdb::Status dropped = db_.DropColumnFamily(handle);
    // InvalidArgument: an earlier try dropped it and failed at the OPTIONS file.
    if (!dropped.ok() && !dropped.IsInvalidArgument()) {
      log::warning("catalog", "dropping {}: {}", name, dropped.ToString());
      // When the database closes now, the next opening drops it as a stray.
      if (!stopping) return false;
    }
    kill_point("catalog.retire.after-drop");
  }
  const rocksdb::Status closed = db_.DestroyColumnFamilyHandle(handle);
  RESTORED_CHECK(closed.ok(), "releasing a column family handle cannot fail");
  MutexLock lock(mutex_);
  --handles_;
  changed_.notify_all();
  return true;
}

void Upkeep::sync_when_due() {
  // Before the sync: a write that comes during it asks for the next one. Pairs with the exchange
  // in written().
  dirty_.store(false);
  const rocksdb::Status status = sync_log_();
  if (status.ok()) {
    sync_failed_ = false;
    return;
  }
  if (!sync_failed_) log::error("catalog", "syncing the write-ahead log: {}", status.ToString());
  sync_failed_ = true;
  written();
}

}  // namespace restored::catalog
