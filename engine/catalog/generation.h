// A generation in RocksDB: one column family, read without any lock of ours.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "catalog/upkeep.h"
#include "restored/keyspace.h"

namespace restored::catalog {

std::string column_family_name(GenerationNumber number);  // "data-<n>"
// Nothing when the name is not one of a generation.
std::optional<GenerationNumber> generation_number(const std::string& column_family);

// Owns its column family handle; the last pointer to it may end on any thread: the handle then
// goes to upkeep, which drops the column family unless keep() was the last word.
class StoredGeneration final : public Generation,
                               public std::enable_shared_from_this<StoredGeneration> {
 public:
  StoredGeneration(rocksdb::DB& db, Upkeep& upkeep, rocksdb::ColumnFamilyHandle* handle,
                   GenerationNumber number);
  ~StoredGeneration() override;

  GenerationNumber number() const override { return number_; }
  Result<std::optional<std::string>> get(std::string_view key) const override;
  Result<void> get_many(std::span<const std::string_view> keys,
                        const RecordVisitor& visit) const override;
  Result<std::unique_ptr<RecordCursor>> cursor() const override;
  Result<std::unique_ptr<RecordCursor>> scan() const override;
  std::uint64_t estimated_records() const override;

  rocksdb::ColumnFamilyHandle* handle() const { return handle_; }
  std::uint64_t file_bytes() const;
  // What becomes of the column family when the last pointer ends. Born to be dropped: only what
  // the catalog names is kept.
  void keep() const { fate_ = Upkeep::Fate::close; }
  void let_go() const { fate_ = Upkeep::Fate::drop; }
  // What Instance::set_auto_compaction() was last asked for.
  void want_auto_compaction(bool on) { wants_auto_compaction_ = on; }
  bool wants_auto_compaction() const { return wants_auto_compaction_; }

 private:
  Error error_of(const rocksdb::Status& status) const;
  Result<std::unique_ptr<RecordCursor>> cursor_with(const rocksdb::ReadOptions& options) const;

  rocksdb::DB& db_;
  Upkeep& upkeep_;
  rocksdb::ColumnFamilyHandle* const handle_;
  const GenerationNumber number_;
  mutable std::atomic<Upkeep::Fate> fate_ = Upkeep::Fate::drop;
  std::atomic<bool> wants_auto_compaction_ = false;
};

// What is live after close(): every read fails with shutting_down.
std::shared_ptr<const Generation> closed_generation(GenerationNumber number);

}  // namespace restored::catalog
