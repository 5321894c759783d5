// Brings an instance back after an error that RocksDB met in the background or in its files: a full
// disk, a device that fails a write or a sync. RocksDB takes the latter for final; it is not: what
// a failed file held is in memory or in other files, and a recovery writes that to new ones, never
// to the failed one (open_logs.h has what that takes). RocksDB then refuses all writes until
// somebody calls Resume(); upkeep does so after one second, two, four and then every eight (each
// attempt may write a whole memtable to a disk that has no room for it), and only upkeep. RocksDB's
// own recovery from a full disk is switched off: it looks every five seconds, and with more than
// one database it can wait for itself (7.8: SstFileManagerImpl::StartErrorRecovery joins the
// recovery thread while it holds the mutex that this thread needs).
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <optional>
#include <string>

#include "base/mutex.h"
#include "catalog/durable_files.h"
#include "catalog/log_anchor.h"
#include "catalog/turns.h"
#include "catalog/upkeep.h"

namespace restored::catalog {

// Threading: RocksDB calls it from its own threads.
class BackgroundErrors final : public rocksdb::EventListener {
 public:
  struct Parts {
    rocksdb::DB& db;
    DurableFiles& files;
    const std::string& directory;
    LogAnchor& anchor;
    Turns& structure;  // with it column families come and go
    Upkeep& upkeep;
  };
  // From here to detach() errors lead to attempts to resume; one that came before is remembered.
  void attach(const Parts& parts);
  void detach();

  // A write, or a sync of the log, failed: there is an error, whether or not a report of it was
  // seen to its end.
  void write_failed();

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason, rocksdb::Status error,
                            bool* auto_recovery) override;

 private:
  void submit_resume() REQUIRES_LOCK(mutex_);
  bool resume();
  static rocksdb::Status resume_now(const Parts& parts);

  Mutex mutex_;
  std::optional<Parts> parts_ GUARDED_BY(mutex_);
  bool final_ GUARDED_BY(mutex_) = false;  // an error that no recovery takes back
  bool told_hopeless_ GUARDED_BY(mutex_) = false;
  bool raised_ GUARDED_BY(mutex_) = false;    // and no attempt has seen it yet
  bool resuming_ GUARDED_BY(mutex_) = false;  // an attempt is with upkeep
  int pause_ GUARDED_BY(mutex_) = 0;          // of upkeep's periods, between attempts; doubles
  int pause_left_ GUARDED_BY(mutex_) = 0;
};

}  // namespace restored::catalog
