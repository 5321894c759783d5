#include "catalog/instance.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "catalog/catalog_record.h"
#include "catalog/rocksdb_version.h"
#include "catalog/status.h"

namespace restored::catalog {
namespace {

const std::string& default_name() {
  return rocksdb::kDefaultColumnFamilyName;
}

}  // namespace

Instance::Instance(std::string directory, const Shared& shared, const Clock& clock)
    : directory_(std::move(directory)), shared_(shared), clock_(clock) {}

Instance::~Instance() {
  if (!db_) return;
  if (auto closed = close(); !closed) {
    log::error("catalog", "closing {}: {}", directory_, closed.error().message);
  }
}

Result<void> Instance::start(rocksdb::DBOptions options,
                             const std::vector<rocksdb::ColumnFamilyDescriptor>& column_families,
                             std::vector<rocksdb::ColumnFamilyHandle*>& handles) {
  options.listeners.push_back(errors_);
  options.listeners.push_back(anchor_);
  const rocksdb::Status status =
      open_column_families(options, directory_, column_families, &handles, &db_);
  RESTORED_TRY(checked(status, "opening " + directory_));
  RESTORED_CHECK(handles.size() == column_families.size(), "one handle for each column family");
  catalog_ = handles.front();
  RESTORED_CHECK(catalog_->GetName() == default_name(), "the catalog's column family comes first");
  upkeep_ = std::make_unique<Upkeep>(*db_, [this] { return sync_log(); });
  errors_->attach({.db = *db_,
                   .files = shared_.files(),
                   .directory = directory_,
                   .anchor = *anchor_,
                   .structure = structure_,
                   .upkeep = *upkeep_});
  return {};
}

Result<std::unique_ptr<Instance>> Instance::create(const std::string& directory,
                                                   const Shared& shared, const Clock& clock) {
  RESTORED_TRY(shared.plain_files().make_directories(directory));
  std::unique_ptr<Instance> instance(new Instance(directory, shared, clock));
  rocksdb::DBOptions options = database_options(shared);
  options.create_if_missing = true;
  options.error_if_exists = true;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  RESTORED_TRY(instance->start(options, {{default_name(), catalog_options()}}, handles));
  return instance;
}

Result<OpenedInstance> Instance::open(const std::string& directory, const Shared& shared,
                                      const Clock& clock) {
  std::vector<std::string> names;
  const rocksdb::DBOptions options = database_options(shared);
  RESTORED_TRY(checked(rocksdb::DB::ListColumnFamilies(options, directory, &names),
                       "listing the column families of " + directory));
  std::vector<rocksdb::ColumnFamilyDescriptor> column_families{{default_name(), catalog_options()}};
  std::vector<GenerationNumber> numbers;
  for (const std::string& name : names) {
    if (name == default_name()) continue;
    const auto number = generation_number(name);
    if (!number) {
      return fail(
          ErrorCode::corruption,
          fmt::format("{} holds the column family {}, which is none of ours", directory, name));
    }
    numbers.push_back(*number);
    column_families.emplace_back(name, catalog::generation_options(shared, clock));
  }

  OpenedInstance opened{std::unique_ptr<Instance>(new Instance(directory, shared, clock)), {}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  RESTORED_TRY(opened.instance->start(options, column_families, handles));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    auto generation = opened.instance->adopt(handles[i + 1], numbers[i]);
    generation->keep();
    opened.generations.emplace(numbers[i], std::move(generation));
  }
  return opened;
}

Result<void> Instance::close() {
  Result<void> stopped = upkeep_->stop();
  errors_->detach();
  const rocksdb::Status released = db_->DestroyColumnFamilyHandle(catalog_);
  RESTORED_CHECK(released.ok(), "releasing a column family handle cannot fail");
  catalog_ = nullptr;
  const rocksdb::Status closed = db_->Close();
  upkeep_.reset();
  db_.reset();
  // What was written is durable by the sync above. RocksDB also complains of a log that once failed
  // and that its recovery has replaced.
  if (!closed.ok()) log::warning("catalog", "closing {}: {}", directory_, closed.ToString());
  return stopped;
}

rocksdb::Status Instance::sync_log() const {
  rocksdb::Status status = shared_.files().sync_logs(directory_);
  if (!status.ok()) errors_->write_failed();
  return status;
}

Result<std::optional<std::string>> Instance::read_catalog() const {
  std::string bytes;
  const rocksdb::Status status =
      db_->Get(point_read_options(), catalog_, std::string(catalog_record_key), &bytes);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(error_from(status, "reading the catalog"));
  return bytes;
}

Result<void> Instance::write(rocksdb::WriteBatch& batch, Durability durability) {
  const rocksdb::Status status = anchor_->write(*db_, write_options(durability), batch);
  if (!status.ok()) {
    errors_->write_failed();
    return std::unexpected(error_from(status, "writing to " + directory_));
  }
  if (durability == Durability::process) upkeep_->written();
  return {};
}

Result<void> Instance::write_catalog(const std::string& bytes) {
  rocksdb::WriteBatch batch;
  batch.Put(catalog_, std::string(catalog_record_key), bytes);
  return write(batch, Durability::device);
}

Result<void> Instance::rewrite_catalog(const std::string& bytes) {
  // RocksDB hands the sequence numbers of a failed write to the next one, and its recovery does
  // not survive two versions of one key with one number, should both come back from the log. So
  // the record moves on by one number at each try, behind deletions of keys that never were.
  rocksdb::WriteBatch batch;
  const int numbers_skipped = ++rewrites_;
  for (int i = 0; i < numbers_skipped; ++i) {
    batch.Delete(catalog_, "never-" + std::to_string(random_u64()));
  }
  batch.Put(catalog_, std::string(catalog_record_key), bytes);
  RESTORED_TRY(checked(anchor_->write(*db_, write_options(Durability::device), batch),
                       "writing the catalog again"));
  rewrites_ = 0;
  return {};
}

std::shared_ptr<StoredGeneration> Instance::adopt(rocksdb::ColumnFamilyHandle* handle,
                                                  GenerationNumber number) {
  return std::make_shared<StoredGeneration>(*db_, *upkeep_, handle, number);
}

Result<std::shared_ptr<StoredGeneration>> Instance::create_generation(GenerationNumber number) {
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  rocksdb::Status status;
  {
    const Turns::Turn turn = take_structure_turn();
    status = db_->CreateColumnFamily(generation_options(), column_family_name(number), &handle);
  }
  if (!status.ok()) {
    abandon(handle);
    return std::unexpected(error_from(status, "making " + column_family_name(number)));
  }
  return adopt(handle, number);
}

void Instance::abandon(rocksdb::ColumnFamilyHandle* handle) {
  // Null when nothing was made; set when it was made and the OPTIONS file was not written.
  if (handle == nullptr) return;
  const std::string name = handle->GetName();
  const Turns::Turn turn = take_structure_turn();
  const rocksdb::Status dropped = db_->DropColumnFamily(handle);
  if (!dropped.ok() && !dropped.IsInvalidArgument()) {
    log::warning("catalog", "dropping {}: {}; the next opening drops it", name, dropped.ToString());
  }
  const rocksdb::Status released = db_->DestroyColumnFamilyHandle(handle);
  RESTORED_CHECK(released.ok(), "releasing a column family handle cannot fail");
}

void Instance::set_auto_compaction(const std::shared_ptr<StoredGeneration>& generation, bool on) {
  generation->want_auto_compaction(on);
  const std::weak_ptr<StoredGeneration> target = generation;
  upkeep_->submit([this, target] {
    const std::shared_ptr<StoredGeneration> held = target.lock();
    if (!held) return true;
    // As wanted now: this may be a second try, after another wish was carried out.
    const bool wanted = held->wants_auto_compaction();
    const rocksdb::Status status =
        db_->SetOptions(held->handle(), {{"disable_auto_compactions", wanted ? "false" : "true"}});
    if (status.ok()) return true;
    log::warning("catalog", "auto-compaction of {}: {}", column_family_name(held->number()),
                 status.ToString());
    return false;
  });
}

}  // namespace restored::catalog
