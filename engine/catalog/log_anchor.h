// Keeps one memtable of a database from being empty. RocksDB's recovery from a failed write to its
// log goes through the memtables: each that holds something is flushed, and the log is changed with
// it. With none (7.8.3: DBImpl::ResumeImpl) the log stays as it is, RocksDB says that all is well,
// and the next write meets an assertion in WritableFileWriter and ends the process: a full disk
// under an idle database is enough. The anchor is one unlogged record in the default column family.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/mutex.h"

namespace restored::catalog {

// Threading: all methods from any thread at once.
class LogAnchor final : public rocksdb::EventListener {
 public:
  static constexpr std::string_view key = "anchor";

  // A logged write behind the anchor: the only way in which this project writes to RocksDB. Refused
  // when stuck(), whatever RocksDB thinks of it.
  rocksdb::Status write(rocksdb::DB& db, const rocksdb::WriteOptions& options,
                        rocksdb::WriteBatch& batch);
  // The log has failed, and no recovery would change it: the database has to be opened again. (The
  // log was full at the first write after it and all memtables were changed.)
  bool stuck(rocksdb::DB& db) const;

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  void OnMemTableSealed(const rocksdb::MemTableInfo& sealed) override;
  // Who owns the database recovers it: RocksDB's own recovery would run into its closing.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*error*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  // Puts the anchor where it is missing. Errors: as of a write.
  rocksdb::Status hold(rocksdb::DB& db) EXCLUDES_LOCK(mutex_);

  std::atomic<std::uint64_t> sealed_ = 1;  // memtables of the default column family so far
  std::atomic<std::uint64_t> held_after_ = 0;
  std::atomic<bool> log_failed_ = false;  // and is still the one that is written to
  Mutex mutex_;
};

}  // namespace restored::catalog
