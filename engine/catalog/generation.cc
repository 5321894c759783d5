#include "catalog/generation.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "catalog/options.h"
#include "catalog/snapshot.h"
#include "catalog/status.h"

namespace restored::catalog {
namespace {

constexpr std::string_view prefix = "data-";

// Of one MultiGet. The bytes bound what it copies, the keys how many blocks it pins.
constexpr std::size_t batch_keys = 1024;
constexpr std::uint64_t batch_bytes = 4 * kMiB;

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const rocksdb::Slice& slice) {
  return {slice.data(), slice.size()};
}

class Cursor final : public RecordCursor {
 public:
  Cursor(std::shared_ptr<const StoredGeneration> generation,
         std::unique_ptr<rocksdb::Iterator> iterator)
      : generation_(std::move(generation)), iterator_(std::move(iterator)) {}

  void seek(std::string_view key) override { iterator_->Seek(slice(key)); }
  bool valid() const override { return iterator_->Valid(); }
  void next() override {
    RESTORED_CHECK(iterator_->Valid(), "next() needs a valid cursor");
    iterator_->Next();
  }
  std::string_view key() const override { return view(iterator_->key()); }
  std::string_view value() const override { return view(iterator_->value()); }
  Result<void> status() const override {
    return checked(iterator_->status(), "reading " + column_family_name(generation_->number()));
  }

 private:
  // In this order: the iterator ends before its column family may.
  std::shared_ptr<const StoredGeneration> generation_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class ClosedGeneration final : public Generation {
 public:
  explicit ClosedGeneration(GenerationNumber number) : number_(number) {}

  GenerationNumber number() const override { return number_; }
  Result<std::optional<std::string>> get(std::string_view /*key*/) const override {
    return closed();
  }
  Result<void> get_many(std::span<const std::string_view> /*keys*/,
                        const RecordVisitor& /*visit*/) const override {
    return closed();
  }
  Result<std::unique_ptr<RecordCursor>> cursor() const override { return closed(); }
  Result<std::unique_ptr<RecordCursor>> scan() const override { return closed(); }
  std::uint64_t estimated_records() const override { return 0; }

 private:
  static std::unexpected<Error> closed() {
    return fail(ErrorCode::shutting_down, "the database is closed");
  }
  const GenerationNumber number_;
};

}  // namespace

std::string column_family_name(GenerationNumber number) {
  return std::string(prefix) + std::to_string(number);
}

std::optional<GenerationNumber> generation_number(const std::string& column_family) {
  if (!column_family.starts_with(prefix)) return std::nullopt;
  const char* begin = column_family.data() + prefix.size();
  const char* end = column_family.data() + column_family.size();
  GenerationNumber number = 0;
  const auto parsed = std::from_chars(begin, end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number == 0) return std::nullopt;
  if (column_family != column_family_name(number)) return std::nullopt;  // "data-007"
  return number;
}

StoredGeneration::StoredGeneration(rocksdb::DB& db, Upkeep& upkeep,
                                   rocksdb::ColumnFamilyHandle* handle, GenerationNumber number)
    : db_(db), upkeep_(upkeep), handle_(handle), number_(number) {
  RESTORED_CHECK(handle_ != nullptr, "a generation has a column family");
  upkeep_.adopt();
}

StoredGeneration::~StoredGeneration() {
  upkeep_.release(handle_, fate_);
}

Result<std::optional<std::string>> StoredGeneration::get(std::string_view key) const {
  rocksdb::PinnableSlice value;
  const rocksdb::Status status = db_.Get(point_read_options(), handle_, slice(key), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(error_of(status));
  return std::string(view(value));
}

Error StoredGeneration::error_of(const rocksdb::Status& status) const {
  return error_from(status, "reading " + column_family_name(number_));
}

Result<void> StoredGeneration::get_many(std::span<const std::string_view> keys,
                                        const RecordVisitor& visit) const {
  const std::size_t batch = std::min(batch_keys, keys.size());
  std::vector<rocksdb::Slice> slices(batch);
  std::vector<rocksdb::PinnableSlice> values(batch);
  std::vector<rocksdb::Status> statuses(batch);
  rocksdb::ReadOptions options = point_read_options();
  options.value_size_soft_limit = batch_bytes;
  const auto look_up = [&](std::span<const std::string_view> some) {
    for (std::size_t i = 0; i < some.size(); ++i) slices[i] = slice(some[i]);
    for (rocksdb::PinnableSlice& value : values) value.Reset();
    db_.MultiGet(options, handle_, some.size(), slices.data(), values.data(), statuses.data(),
                 /*sorted_input=*/false);
    return std::ranges::none_of(statuses, [](const auto& status) { return status.IsAborted(); });
  };
  // One batch that holds everything is one moment by itself, and waits for no lock of RocksDB.
  const bool whole = keys.size() == batch && look_up(keys);
  std::optional<Snapshot> snapshot;
  if (!whole) options.snapshot = snapshot.emplace(db_).get();
  for (std::size_t begin = 0; begin < keys.size(); begin += batch) {
    const std::size_t count = std::min(batch, keys.size() - begin);
    if (!whole) look_up(keys.subspan(begin, count));
    for (std::size_t i = 0; i < count; ++i) {
      rocksdb::Status& status = statuses[i];
      // What the batch had no room for is read alone.
      if (status.IsAborted()) status = db_.Get(options, handle_, slices[i], &values[i]);
      if (!status.ok() && !status.IsNotFound()) return std::unexpected(error_of(status));
      std::optional<std::string_view> record;
      if (status.ok()) record = view(values[i]);
      const bool more = visit(begin + i, record);
      values[i].Reset();
      if (!more) return {};
    }
  }
  return {};
}

Result<std::unique_ptr<RecordCursor>> StoredGeneration::cursor() const {
  return cursor_with(cursor_options());
}

Result<std::unique_ptr<RecordCursor>> StoredGeneration::scan() const {
  return cursor_with(scan_options());
}

Result<std::unique_ptr<RecordCursor>> StoredGeneration::cursor_with(
    const rocksdb::ReadOptions& options) const {
  std::unique_ptr<rocksdb::Iterator> iterator(db_.NewIterator(options, handle_));
  if (!iterator->status().ok()) {
    return std::unexpected(
        error_from(iterator->status(), "opening a cursor of " + column_family_name(number_)));
  }
  return std::make_unique<Cursor>(shared_from_this(), std::move(iterator));
}

std::uint64_t StoredGeneration::estimated_records() const {
  std::uint64_t records = 0;
  db_.GetIntProperty(handle_, rocksdb::DB::Properties::kEstimateNumKeys, &records);
  return records;
}

std::uint64_t StoredGeneration::file_bytes() const {
  std::uint64_t bytes = 0;
  db_.GetIntProperty(handle_, rocksdb::DB::Properties::kLiveSstFilesSize, &bytes);
  return bytes;
}

std::shared_ptr<const Generation> closed_generation(GenerationNumber number) {
  return std::make_shared<ClosedGeneration>(number);
}

}  // namespace restored::catalog
