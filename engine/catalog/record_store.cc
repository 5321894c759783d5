#include "catalog/record_store.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <map>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"
#include "catalog/disk.h"
#include "catalog/durable_files.h"
#include "catalog/log_anchor.h"
#include "catalog/options.h"
#include "catalog/rocksdb_version.h"
#include "catalog/status.h"

namespace restored::catalog {
namespace {

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

class RocksRecordStore final : public RecordStore {
 public:
  RocksRecordStore(std::string directory, const Disk& disk)
      : directory_(std::move(directory)),
        env_(rocksdb::NewCompositeEnv(DurableFiles::make(disk.rocksdb))) {}
  ~RocksRecordStore() override {
    const MutexLock lock(mutex_);
    (void)release();
  }

  Result<void> open() {
    const MutexLock lock(mutex_);
    return open_now();
  }

  Result<std::optional<std::string>> get(std::string_view key) const override {
    const MutexLock lock(mutex_);
    return get_now(key);
  }

  std::shared_ptr<Begun> begin(WriteSet changes) override {
    auto write = std::make_shared<Begun>();
    write->changes = std::move(changes);
    const MutexLock lock(waiting_mutex_);
    waiting_.push_back(write);
    return write;
  }

  // Whoever is first writes for all that wait; the others find it done when it is their turn.
  Result<void> finish(const std::shared_ptr<Begun>& write) override {
    const MutexLock lock(mutex_);
    if (!write->outcome) write_waiting();
    RESTORED_CHECK(write->outcome.has_value(), "a write that began is carried out or has failed");
    return *write->outcome;
  }

  Result<void> scan(std::string_view prefix,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit)
      const override {
    const MutexLock lock(mutex_);
    if (!db_) return closed();
    const std::unique_ptr<rocksdb::Iterator> record(
        db_->NewIterator(cursor_options(), column_family_));
    for (record->Seek(slice(prefix)); record->Valid(); record->Next()) {
      if (!record->key().starts_with(slice(prefix))) break;
      if (view(record->key()) == LogAnchor::key) continue;
      if (!visit(view(record->key()), view(record->value()))) break;
    }
    return checked(record->status(), "reading the records");
  }

  Result<void> scan_back(std::string_view prefix, std::string_view before,
                         const std::function<bool(std::string_view key, std::string_view value)>&
                             visit) const override {
    const MutexLock lock(mutex_);
    if (!db_) return closed();
    const std::unique_ptr<rocksdb::Iterator> record(
        db_->NewIterator(cursor_options(), column_family_));
    // No key of ours has such a byte.
    const std::string end = before.empty() ? std::string(prefix) + '\xff' : std::string(before);
    for (record->SeekForPrev(slice(end)); record->Valid(); record->Prev()) {
      if (view(record->key()) == end || view(record->key()) == LogAnchor::key) continue;
      if (!record->key().starts_with(slice(prefix))) break;
      if (!visit(view(record->key()), view(record->value()))) break;
    }
    return checked(record->status(), "reading the records");
  }

  Result<void> close() override {
    const MutexLock lock(mutex_);
    write_waiting();
    Result<void> settled = settle_doubts();
    Result<void> released = release();
    return settled ? released : settled;
  }

 private:
  Result<void> closed() const {
    return fail(ErrorCode::io_error, "the records in " + directory_ + " are closed after an error",
                "They are opened again when the device takes writes again.");
  }

  Result<void> open_now() REQUIRES_LOCK(mutex_) {
    rocksdb::Options options = record_store_options();
    options.env = env_.get();
    anchor_ = std::make_shared<LogAnchor>();
    options.listeners.push_back(anchor_);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    RESTORED_TRY(checked(
        open_column_families(options, directory_, {{rocksdb::kDefaultColumnFamilyName, options}},
                             &handles, &db_),
        "opening the records in " + directory_));
    column_family_ = handles.front();
    return {};
  }

  Result<std::optional<std::string>> get_now(std::string_view key) const REQUIRES_LOCK(mutex_) {
    if (!db_) return std::unexpected(closed().error());
    std::string value;
    const rocksdb::Status status =
        db_->Get(point_read_options(), column_family_, slice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return std::unexpected(error_from(status, "reading the records"));
    return value;
  }

  Result<WriteSet> values_before(const WriteSet& changes) const REQUIRES_LOCK(mutex_) {
    WriteSet before;
    for (const WriteSet::Entry& entry : changes.entries()) {
      RESTORED_TRY(std::optional<std::string> value, get_now(entry.key));
      if (value) before.put(entry.key, std::move(*value));
      if (!value) before.erase(entry.key);
    }
    return before;
  }

  void write_waiting() REQUIRES_LOCK(mutex_) {
    std::vector<std::shared_ptr<Begun>> group;
    {
      const MutexLock lock(waiting_mutex_);
      group.swap(waiting_);
    }
    // Until it is known: an exception must not leave anybody without an answer.
    for (const auto& write : group) {
      write->outcome = fail(ErrorCode::internal, "a write to the records was not carried out");
    }
    WriteSet changes;
    for (const auto& write : group) {
      for (const WriteSet::Entry& entry : write->changes.entries()) {
        if (entry.value) changes.put(entry.key, *entry.value);
        if (!entry.value) changes.erase(entry.key);
      }
    }
    const Result<void> outcome = write_or_settle(changes);
    for (const auto& write : group) write->outcome = outcome;
  }

  Result<void> write_or_settle(const WriteSet& changes) REQUIRES_LOCK(mutex_) {
    if (changes.empty()) return {};
    RESTORED_TRY(settle_doubts());
    RESTORED_TRY(const WriteSet before, values_before(changes));
    Result<void> written = write_now(changes);
    if (written) return {};
    for (const WriteSet::Entry& entry : before.entries())
      doubts_.insert_or_assign(entry.key, entry.value);
    if (const Result<void> settled = settle_doubts(); !settled) {
      log::error("catalog", "{} cannot be made what they were before a write failed: {}",
                 directory_, settled.error().message);
    }
    return written;
  }

  Result<void> write_now(const WriteSet& changes) REQUIRES_LOCK(mutex_) {
    if (!db_) return closed();
    rocksdb::WriteBatch batch;
    for (const WriteSet::Entry& entry : changes.entries()) {
      const rocksdb::Status status = entry.value
                                         ? batch.Put(column_family_, entry.key, *entry.value)
                                         : batch.Delete(column_family_, entry.key);
      RESTORED_TRY(checked(status, "collecting records"));
    }
    return checked(anchor_->write(*db_, write_options(Durability::device), batch),
                   "writing the records");
  }

  // A write that failed may be in the log all the same, and count when it is read again. So what
  // was there before is written over it, before anything else and after an opening if need be: a
  // log that failed takes nothing more.
  Result<void> settle_doubts() REQUIRES_LOCK(mutex_) {
    if (doubts_.empty()) return {};
    WriteSet before;
    for (const auto& [key, value] : doubts_) {
      if (value) before.put(key, *value);
      if (!value) before.erase(key);
    }
    Result<void> settled = write_now(before);
    if (!settled) {
      (void)release();  // its error is the one that brought us here
      settled = open_now();
      if (settled) settled = write_now(before);
    }
    RESTORED_TRY(std::move(settled));
    doubts_.clear();
    return {};
  }

  Result<void> release() REQUIRES_LOCK(mutex_) {
    if (!db_) return {};
    db_->DestroyColumnFamilyHandle(column_family_);
    const rocksdb::Status status = db_->Close();
    db_.reset();
    return checked(status, "closing the records");
  }

  const std::string directory_;
  const std::unique_ptr<rocksdb::Env> env_;
  mutable Mutex mutex_;  // held over each sync
  Mutex waiting_mutex_;
  std::vector<std::shared_ptr<Begun>> waiting_ GUARDED_BY(waiting_mutex_);  // in their order
  std::unique_ptr<rocksdb::DB> db_ GUARDED_BY(mutex_);  // null: could not be opened again
  rocksdb::ColumnFamilyHandle* column_family_ GUARDED_BY(mutex_) = nullptr;
  std::shared_ptr<LogAnchor> anchor_ GUARDED_BY(mutex_);
  // What the keys of failed writes had before; nothing: they were absent.
  std::map<std::string, std::optional<std::string>> doubts_ GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<RecordStore>> RecordStore::open(const std::string& directory,
                                                       std::shared_ptr<const Disk> disk) {
  const Disk place = disk ? *disk : Disk();
  RESTORED_TRY(place.files->make_directories(directory));
  auto store = std::make_unique<RocksRecordStore>(directory, place);
  RESTORED_TRY(store->open());
  return store;
}

}  // namespace restored::catalog
