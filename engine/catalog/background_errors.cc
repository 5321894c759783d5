#include "catalog/background_errors.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "catalog/rocksdb_version.h"

namespace restored::catalog {
namespace {

constexpr int pause_max = 8;

}  // namespace

void BackgroundErrors::attach(rocksdb::DB& db, const LogAnchor& anchor, Upkeep& upkeep) {
  MutexLock lock(mutex_);
  db_ = &db;
  anchor_ = &anchor;
  upkeep_ = &upkeep;
  if (raised_) submit_resume();
}

void BackgroundErrors::detach() {
  MutexLock lock(mutex_);
  db_ = nullptr;
  anchor_ = nullptr;
  upkeep_ = nullptr;
}

void BackgroundErrors::OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                                         rocksdb::Status* error) {
  MutexLock lock(mutex_);
  if (resuming_ && echoes_earlier_error(*error)) {
    // A flush that meets the failed log. Left alone it would make the standing error, which
    // Resume() can mend, one that it cannot.
    *error = rocksdb::Status::OK();
    return;
  }
  if (!resuming_) {
    log::error("catalog", "storage error, writes are refused until it is gone: {}",
               error->ToString());
  }
  raised_ = true;
  if (upkeep_ != nullptr && !resuming_) submit_resume();
}

void BackgroundErrors::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/,
                                            rocksdb::Status /*error*/, bool* auto_recovery) {
  *auto_recovery = false;
}

void BackgroundErrors::write_failed() {
  MutexLock lock(mutex_);
  if (upkeep_ != nullptr && !resuming_) submit_resume();
}

void BackgroundErrors::submit_resume() {
  resuming_ = true;
  pause_ = 0;
  pause_left_ = 0;
  upkeep_->submit([this] { return resume(); });
}

bool BackgroundErrors::resume() {
  rocksdb::DB* db = nullptr;
  const LogAnchor* anchor = nullptr;
  {
    MutexLock lock(mutex_);
    // RocksDB reports an error before it takes effect; until then there is nothing to resume from.
    if (std::exchange(raised_, false)) return false;
    if (pause_left_ > 0) {
      --pause_left_;
      return false;
    }
    db = db_;
    anchor = anchor_;
  }
  RESTORED_CHECK(db != nullptr, "upkeep ends before its listener is detached");
  // Not under the lock: a failing attempt reports here again.
  const bool log_stays = anchor->stuck(*db);
  const rocksdb::Status status =
      log_stays ? rocksdb::Status::Aborted("the log cannot be changed") : db->Resume();
  MutexLock lock(mutex_);
  // Only a new opening helps; until then RocksDB goes on to refuse writes.
  const bool hopeless = log_stays || status.severity() >= rocksdb::Status::Severity::kFatalError;
  if ((!status.ok() && !hopeless) || raised_) {
    raised_ = false;  // by this attempt
    pause_ = std::clamp(2 * pause_, 1, pause_max);
    pause_left_ = pause_ - 1;
    return false;
  }
  resuming_ = false;
  if (hopeless) {
    log::error("catalog", "the database cannot be written until it is opened again: {}",
               status.ToString());
  } else {
    log::info("catalog", "the storage error is gone, writes go on");
  }
  return true;
}

}  // namespace restored::catalog
