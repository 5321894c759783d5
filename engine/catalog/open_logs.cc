#include "catalog/open_logs.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "base/log.h"
#include "catalog/log_records.h"
#include "catalog/rewritten_log.h"

namespace restored::catalog {

using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace {

// Whose recovery this thread carries out.
thread_local const OpenLogs* recovering_here = nullptr;

}  // namespace

IOStatus sync_directory(rocksdb::FileSystem& files, const std::string& path) {
  std::unique_ptr<rocksdb::FSDirectory> directory;
  IOStatus status = files.NewDirectory(path, IOOptions(), &directory, nullptr);
  // Plain: the variant with a reason leaves the sync out where it thinks that it is not needed.
  if (status.ok()) status = directory->Fsync(IOOptions(), nullptr);
  return status;
}

// A log for as long as RocksDB may write to it or sync it.
class OpenLog {
 public:
  static constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();

  OpenLog(std::string path, FSWritableFile* file, OpenLogs& logs)
      : logs_(logs), path_(std::move(path)), file_(file) {}

  bool open() const { return open_.load(); }
  bool failed() const { return failed_.load(); }
  void written(std::uint64_t whole_bytes) {
    whole_bytes_.store(whole_bytes);
    dirty_.store(true);
  }

  // Before RocksDB closes it.
  void closing() {
    const MutexLock lock(mutex_);
    file_ = nullptr;
    open_.store(false);
    mended();
  }

  // RocksDB's: of all that was written. Serialised with ours, which would else take an error from
  // the kernel that this one needs.
  IOStatus sync(bool with_metadata, const IOOptions& options, IODebugContext* debug) {
    const MutexLock lock(mutex_);
    if (file_ == nullptr || nameless_) return IOStatus::OK();
    IOStatus status = remove_tear();
    if (status.ok())
      status = with_metadata ? file_->Fsync(options, debug) : file_->Sync(options, debug);
    if (!status.ok()) failed(status);
    return status;
  }

  // Instead of a sync, of one that has failed: once it is OK, what was written to it is on the
  // device, or cannot be brought there. REQUIRES: nothing is written to it any more.
  IOStatus rewrite() {
    const MutexLock lock(mutex_);
    if (file_ == nullptr || nameless_) return IOStatus::OK();
    IOStatus status = whole_bytes_.load() == unknown
                          ? IOStatus::Corruption(path_, "has records that are not understood")
                          : rewrite_log(*logs_.files_, path_, whole_bytes_.load());
    if (status.IsCorruption()) {
      // Only memory has all of it. To flush that is the best that can be done, though the power
      // may go before it is.
      log::warning("catalog", "a log that failed cannot be read back: {}", status.ToString());
      nameless_ = true;
      return IOStatus::OK();
    }
    // Not left to RocksDB: on some file systems it takes the sync of a new file for enough.
    if (status.ok()) status = sync_directory(*logs_.files_, logs_.directory_);
    nameless_ = status.ok();
    if (!status.ok()) failed(status);
    return status;
  }

  // Ours: of what was written since the last one, with the log's name.
  IOStatus sync_new() {
    const MutexLock lock(mutex_);
    if (file_ == nullptr || nameless_ || failed() || !dirty_.exchange(false)) return IOStatus::OK();
    IOStatus status = file_->Sync(IOOptions(), nullptr);
    if (status.ok() && !named_) {
      status = sync_directory(*logs_.files_, logs_.directory_);
      named_ = status.ok();
    }
    if (!status.ok()) failed(status);
    return status;
  }

  // After a write that failed: nothing is written behind it. Part of a record may be there, which
  // a later opening takes for damage as soon as anything that was flushed is newer than this log.
  // Where it cannot be taken away the log has failed, and no sync of it succeeds before it is.
  void cut(std::uint64_t whole_bytes) {
    const MutexLock lock(mutex_);
    if (file_ == nullptr) return;
    torn_at_ = whole_bytes;
    const IOStatus status = remove_tear();
    if (!status.ok()) failed(status);
    dirty_.store(true);
  }

  void failed(const IOStatus& status) {
    logs_.failed(status);
    if (!failed_.exchange(true)) ++logs_.failures_;
  }
  void mended() {
    if (failed_.exchange(false)) --logs_.failures_;
  }

  // By the recovery, under the lock of all logs.
  bool noted = false;  // had failed when it began

 private:
  IOStatus remove_tear() REQUIRES_LOCK(mutex_) {
    if (!torn_at_) return IOStatus::OK();
    IOStatus status = file_->Truncate(*torn_at_, IOOptions(), nullptr);
    if (status.ok()) torn_at_.reset();
    return status;
  }

  OpenLogs& logs_;
  const std::string path_;
  std::atomic<bool> open_ = true;
  std::atomic<std::uint64_t> whole_bytes_ = 0;  // of whole records
  std::atomic<bool> dirty_ = false;
  std::atomic<bool> failed_ = false;
  // Held across syncs, so that RocksDB does not close the file below them; writes go on.
  Mutex mutex_;
  FSWritableFile* file_ GUARDED_BY(mutex_);
  bool named_ GUARDED_BY(mutex_) = false;                    // its directory entry is durable
  std::optional<std::uint64_t> torn_at_ GUARDED_BY(mutex_);  // part of a record begins there
  // Its name leads to another file, or to what cannot be read: nothing of it is synced any more.
  bool nameless_ GUARDED_BY(mutex_) = false;
};

class LogFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LogFile(std::unique_ptr<FSWritableFile> file, std::shared_ptr<OpenLogs> logs,
          std::shared_ptr<OpenLog> state)
      : FSWritableFileOwnerWrapper(std::move(file)),
        logs_(std::move(logs)),
        state_(std::move(state)),
        from_its_beginning_(target()->GetFileSize(IOOptions(), nullptr) == 0) {}
  ~LogFile() override { state_->closing(); }

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return append(data, [&] { return FSWritableFileOwnerWrapper::Append(data, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    return append(data, [&] {
      return FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
    });
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return told(state_->sync(/*with_metadata=*/false, options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return told(state_->sync(/*with_metadata=*/true, options, debug));
  }
  IOStatus RangeSync(std::uint64_t offset, std::uint64_t bytes, const IOOptions& options,
                     IODebugContext* debug) override {
    // Begins to write, promises nothing; but the error that it takes no sync will tell again.
    const IOStatus status = FSWritableFileOwnerWrapper::RangeSync(offset, bytes, options, debug);
    if (!status.ok()) state_->failed(status);
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    state_->closing();
    return FSWritableFileOwnerWrapper::Close(options, debug);
  }

 private:
  template <typename Write>
  IOStatus append(const Slice& data, const Write& write) {
    // A recovery that changes the log first writes what is left of a write that failed. Nobody was
    // promised that, and behind a part of itself it would end what can be read of the log.
    if (recovering_here == logs_.get()) return IOStatus::OK();
    if (ended_) return IOStatus::IOError("a write to this log failed before");
    IOStatus status = logs_->failure();
    const bool refused = !status.ok();
    if (!refused) status = write();
    if (status.ok()) {
      records_.append(data.ToStringView());
      state_->written(understood() ? records_.whole_bytes() : OpenLog::unknown);
    } else if (!refused || records_.bytes() != records_.whole_bytes()) {
      // The position of the next write may be behind what is cut off: there is none.
      ended_ = true;
      if (understood()) state_->cut(records_.whole_bytes());
    }
    return status;
  }
  bool understood() const { return from_its_beginning_ && records_.understood(); }
  IOStatus told(IOStatus status) const {
    if (!logs_->is_newest(*state_)) return IOStatus::OK();
    return status.ok() ? logs_->failure() : status;
  }

  const std::shared_ptr<OpenLogs> logs_;
  const std::shared_ptr<OpenLog> state_;
  const bool from_its_beginning_;
  // RocksDB appends to a log by one thread at a time.
  LogRecords records_;
  bool ended_ = false;
};

std::unique_ptr<FSWritableFile> OpenLogs::add(const std::string& path,
                                              std::unique_ptr<FSWritableFile> file) {
  auto state = std::make_shared<OpenLog>(path, file.get(), *this);
  const MutexLock lock(mutex_);
  std::erase_if(logs_, [](const auto& log) { return !log->open(); });
  logs_.push_back(state);
  return std::make_unique<LogFile>(std::move(file), shared_from_this(), std::move(state));
}

IOStatus OpenLogs::sync() {
  std::vector<std::shared_ptr<OpenLog>> logs;
  {
    const MutexLock lock(mutex_);
    logs = logs_;
  }
  IOStatus result = IOStatus::OK();
  for (const auto& log : logs) {
    IOStatus status = log->sync_new();
    if (result.ok()) result = std::move(status);
  }
  return result.ok() ? failure() : result;
}

IOStatus OpenLogs::sync_for_import() {
  {
    const MutexLock lock(mutex_);
    if (recovering_) return IOStatus::OK();
  }
  return sync();
}

void OpenLogs::failed(const IOStatus& status) {
  const MutexLock lock(mutex_);
  failure_ = status;
  failure_.SetRetryable(false);  // background_errors.h decides
}

IOStatus OpenLogs::failure() const {
  if (failures_.load() == 0) return IOStatus::OK();
  const MutexLock lock(mutex_);
  return failure_;
}

IOStatus OpenLogs::failure_before_newest() {
  if (failures_.load() == 0) return IOStatus::OK();
  std::vector<std::shared_ptr<OpenLog>> older;
  {
    const MutexLock lock(mutex_);
    for (const auto& log : logs_) {
      if (log->open()) older.push_back(log);
    }
    if (!older.empty()) older.pop_back();
    std::erase_if(older, [](const auto& log) { return !log->failed(); });
    if (older.empty()) return IOStatus::OK();
    // One that failed since the recovery began has been tried by it.
    const bool tried = std::ranges::any_of(older, [](const auto& log) { return !log->noted; });
    if (!recovering_ || tried) return failure_;
  }
  // What is in memory replaces these logs when the recovery is done. Until then its flushes, one
  // after another, shall not run ahead of what a later opening could read. Not left to RocksDB,
  // which was not told of the failure and syncs nothing twice; nor to another sync, which brings
  // nothing that the kernel dropped at the one that failed.
  for (const auto& log : older) {
    IOStatus status = log->rewrite();
    if (!status.ok()) return status;
  }
  return IOStatus::OK();
}

bool OpenLogs::is_newest(const OpenLog& log) const {
  const MutexLock lock(mutex_);
  for (auto other = logs_.rbegin(); other != logs_.rend(); ++other) {
    if ((*other)->open()) return other->get() == &log;
  }
  return true;
}

void OpenLogs::begin_recovery() {
  recovering_here = this;
  const MutexLock lock(mutex_);
  recovering_ = true;
  for (const auto& log : logs_) log->noted = log->failed();
}

bool OpenLogs::end_recovery(bool recovered) {
  recovering_here = nullptr;
  const MutexLock lock(mutex_);
  recovering_ = false;
  if (!recovered) return false;
  const auto newest = std::ranges::find_if(logs_.rbegin(), logs_.rend(),
                                           [](const auto& log) { return log->open(); });
  bool replaced = true;
  for (const auto& log : logs_) {
    if (!log->noted || !log->failed()) continue;
    // Each flush that matters comes with another log. Without one nothing took this one's place.
    if (newest != logs_.rend() && log == *newest) {
      replaced = false;
    } else {
      log->mended();
    }
  }
  return replaced;
}

}  // namespace restored::catalog
