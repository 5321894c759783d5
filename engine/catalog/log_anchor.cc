#include "catalog/log_anchor.h"

#include <string>

namespace restored::catalog {
namespace {

// Apart, so that a stack that ThreadSanitizer sees holds its caller.
[[gnu::noinline]] rocksdb::Status write_now(rocksdb::DB& db, const rocksdb::WriteOptions& options,
                                            rocksdb::WriteBatch& batch) {
  return db.Write(options, &batch);
}

}  // namespace

rocksdb::Status LogAnchor::hold(rocksdb::DB& db) {
  if (held_after_.load() == sealed_.load()) return rocksdb::Status::OK();
  MutexLock lock(mutex_);  // others wait: their writes must not come before it
  const std::uint64_t sealed = sealed_.load();
  if (held_after_.load() == sealed) return rocksdb::Status::OK();
  rocksdb::WriteOptions unlogged;
  unlogged.disableWAL = true;
  rocksdb::Status status = db.Put(unlogged, std::string(key), "");
  if (status.ok()) held_after_.store(sealed);
  return status;
}

// Named in tests/tsan.supp: below it RocksDB's writers read each other's batches.
rocksdb::Status LogAnchor::write(rocksdb::DB& db, const rocksdb::WriteOptions& options,
                                 rocksdb::WriteBatch& batch) {
  if (stuck(db)) {
    return rocksdb::Status::IOError(
        "the write-ahead log failed and cannot be changed until the agent is started again");
  }
  rocksdb::Status status = hold(db);
  if (status.ok()) status = write_now(db, options, batch);
  return status;
}

bool LogAnchor::stuck(rocksdb::DB& db) const {
  if (!log_failed_.load()) return false;
  std::uint64_t entries = 0;
  const bool known =
      db.GetAggregatedIntProperty(rocksdb::DB::Properties::kNumEntriesActiveMemTable, &entries);
  return !known || entries == 0;
}

void LogAnchor::OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                                  rocksdb::Status* /*error*/) {
  if (reason == rocksdb::BackgroundErrorReason::kWriteCallback) log_failed_.store(true);
}

void LogAnchor::OnMemTableSealed(const rocksdb::MemTableInfo& sealed) {
  log_failed_.store(false);  // a failed log is changed with the first memtable
  if (sealed.cf_name == rocksdb::kDefaultColumnFamilyName) ++sealed_;
}

}  // namespace restored::catalog
