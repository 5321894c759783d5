#include "catalog/background_errors.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "catalog/rocksdb_version.h"

namespace restored::catalog {
namespace {

constexpr int pause_max = 8;

// This thread tells RocksDB of an error that is known.
thread_local bool telling_here = false;

}  // namespace

void BackgroundErrors::attach(const Parts& parts) {
  MutexLock lock(mutex_);
  parts_.emplace(parts);
  if (raised_) submit_resume();
}

void BackgroundErrors::detach() {
  MutexLock lock(mutex_);
  parts_.reset();
}

void BackgroundErrors::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                         rocksdb::Status* error) {
  MutexLock lock(mutex_);
  if (resuming_ && echoes_earlier_error(*error)) {
    // A flush that meets the failed log: nothing new.
    *error = rocksdb::Status::OK();
    return;
  }
  if (error->IsIOError() && reason == rocksdb::BackgroundErrorReason::kCompaction) {
    // RocksDB does it again by itself. Nor may it be an error to recover from: RocksDB takes a
    // compaction's back without a flush, and says that it has recovered.
    log::warning("catalog", "a compaction failed and is done again: {}", error->ToString());
    *error = rocksdb::Status::OK();
    return;
  }
  if (error->IsIOError() && error->severity() == rocksdb::Status::Severity::kFatalError) {
    *error = rocksdb::Status(*error, rocksdb::Status::Severity::kHardError);
  }
  if (error->severity() >= rocksdb::Status::Severity::kFatalError) final_ = true;
  if (!resuming_) {
    log::error("catalog", "storage error, writes are refused until it is gone: {}",
               error->ToString());
  }
  // In effect when the telling is done, and the attempt that follows takes it back.
  if (telling_here && resuming_) return;
  raised_ = true;
  if (parts_ && !resuming_) submit_resume();
}

void BackgroundErrors::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/,
                                            rocksdb::Status /*error*/, bool* auto_recovery) {
  *auto_recovery = false;
}

void BackgroundErrors::write_failed() {
  MutexLock lock(mutex_);
  if (parts_ && !resuming_) submit_resume();
}

void BackgroundErrors::submit_resume() {
  resuming_ = true;
  pause_ = 0;
  pause_left_ = 0;
  parts_->upkeep.submit([this] { return resume(); });
}

rocksdb::Status BackgroundErrors::resume_now(const Parts& parts) {
  if (!parts.files.log_failure(parts.directory).ok()) {
    // RocksDB may not know of it yet, and then would go on to use the log. A write tells it: that
    // fails before it has changed anything.
    rocksdb::WriteBatch nothing;
    nothing.Delete("never-" + std::to_string(random_u64()));
    telling_here = true;
    parts.anchor.write(parts.db, rocksdb::WriteOptions(), nothing).PermitUncheckedError();
    telling_here = false;
  }
  // Resume() asserts that whoever met a failed MANIFEST has paused them. An import and a change of
  // options do not.
  rocksdb::Status status = parts.db.DisableFileDeletions();
  if (!status.ok()) return status;
  parts.files.begin_recovery(parts.directory);
  status = parts.db.Resume();
  if (!parts.files.end_recovery(parts.directory, status.ok()) && status.ok()) {
    status = rocksdb::Status::Incomplete("the failed log is still in use");
  }
  std::uint64_t pauses = 0;  // none when it has recovered from something
  parts.db.GetIntProperty(rocksdb::DB::Properties::kIsFileDeletionsEnabled, &pauses);
  if (pauses > 0) resume_file_deletions(parts.db).PermitUncheckedError();
  return status;
}

bool BackgroundErrors::resume() {
  std::optional<Parts> parts;
  {
    MutexLock lock(mutex_);
    // RocksDB reports an error before it takes effect; until then there is nothing to resume from.
    if (std::exchange(raised_, false)) return false;
    if (pause_left_ > 0) {
      --pause_left_;
      return false;
    }
    if (parts_) parts.emplace(*parts_);
  }
  RESTORED_CHECK(parts.has_value(), "upkeep ends before its listener is detached");
  // A MANIFEST that fails somebody else meanwhile would trip an assertion too.
  const std::optional<Turns::Turn> turn = parts->structure.try_take();
  if (!turn) return false;
  // Not under the lock: a failing attempt reports here again.
  const bool log_stays = parts->anchor.stuck(parts->db);
  const rocksdb::Status status =
      log_stays ? rocksdb::Status::Aborted("the log cannot be changed") : resume_now(*parts);
  MutexLock lock(mutex_);
  // Only a new opening helps; until then RocksDB goes on to refuse writes.
  const bool hopeless = log_stays || final_;
  if (!hopeless && (!status.ok() || raised_)) {
    raised_ = false;  // by this attempt
    pause_ = std::clamp(2 * pause_, 1, pause_max);
    pause_left_ = pause_ - 1;
    return false;
  }
  resuming_ = false;
  if (hopeless) {
    if (!std::exchange(told_hopeless_, true)) {
      log::error("catalog", "the database cannot be written until it is opened again: {}",
                 status.ToString());
    }
  } else {
    told_hopeless_ = false;
    log::info("catalog", "the storage error is gone, writes go on");
  }
  return true;
}

}  // namespace restored::catalog
