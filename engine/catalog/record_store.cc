#include "catalog/record_store.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <utility>

#include "base/check.h"
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
  RocksRecordStore(std::unique_ptr<rocksdb::Env> env, std::unique_ptr<rocksdb::DB> db,
                   rocksdb::ColumnFamilyHandle* column_family, std::shared_ptr<LogAnchor> anchor)
      : env_(std::move(env)),
        db_(std::move(db)),
        column_family_(column_family),
        anchor_(std::move(anchor)) {}
  ~RocksRecordStore() override { (void)release(); }

  Result<std::optional<std::string>> get(std::string_view key) const override {
    std::string value;
    const rocksdb::Status status =
        db_->Get(point_read_options(), column_family_, slice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return std::unexpected(error_from(status, "reading the records"));
    return value;
  }

  Result<void> write(const WriteSet& changes) override {
    if (changes.empty()) return {};
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

  Result<void> scan(std::string_view prefix,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit)
      const override {
    const std::unique_ptr<rocksdb::Iterator> record(
        db_->NewIterator(cursor_options(), column_family_));
    for (record->Seek(slice(prefix)); record->Valid(); record->Next()) {
      if (!record->key().starts_with(slice(prefix))) break;
      if (view(record->key()) == LogAnchor::key) continue;
      if (!visit(view(record->key()), view(record->value()))) break;
    }
    return checked(record->status(), "reading the records");
  }

  Result<void> close() override {
    RESTORED_CHECK(db_ != nullptr, "a record store is closed once");
    return release();
  }

 private:
  Result<void> release() {
    if (!db_) return {};
    db_->DestroyColumnFamilyHandle(column_family_);
    const rocksdb::Status status = db_->Close();
    db_.reset();
    return checked(status, "closing the records");
  }

  const std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* column_family_;
  const std::shared_ptr<LogAnchor> anchor_;
};

}  // namespace

Result<std::unique_ptr<RecordStore>> RecordStore::open(const std::string& directory,
                                                       std::shared_ptr<const Disk> disk) {
  const Disk place = disk ? *disk : Disk();
  RESTORED_TRY(place.files->make_directories(directory));
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(DurableFiles::make(place.rocksdb));
  rocksdb::Options options = record_store_options();
  options.env = env.get();
  auto anchor = std::make_shared<LogAnchor>();
  options.listeners.push_back(anchor);
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  RESTORED_TRY(
      checked(open_column_families(options, directory,
                                   {{rocksdb::kDefaultColumnFamilyName, options}}, &handles, &db),
              "opening the records in " + directory));
  return std::make_unique<RocksRecordStore>(std::move(env), std::move(db), handles.front(),
                                            std::move(anchor));
}

}  // namespace restored::catalog
