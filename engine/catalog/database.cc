#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/version.h>

#include <utility>

#include "base/check.h"
#include "base/kill_point.h"
#include "base/log.h"
#include "catalog/database_impl.h"
#include "catalog/export.h"
#include "catalog/generation_files.h"
#include "catalog/ingest.h"
#include "catalog/status.h"
#include "catalog/verify.h"

namespace restored::catalog {
namespace {

constexpr GenerationNumber first_generation = 1;

const Clock& clock_of(const OpenOptions& options) {
  return options.clock != nullptr ? *options.clock : system_clock();
}

const Shared& shared_of(const OpenOptions& options) {
  RESTORED_CHECK(options.shared != nullptr, "databases share their resources");
  return static_cast<const Shared&>(*options.shared);
}

// A directory whose making was cut off before its first catalog record holds nothing of anybody.
Result<void> clear_unfinished(const OpenOptions& options) {
  if (!shared_of(options).plain_files().stat(options.directory + "/CURRENT")) return {};
  {
    RESTORED_TRY(OpenedInstance opened,
                 Instance::open(options.directory, shared_of(options), clock_of(options)));
    RESTORED_TRY(const std::optional<std::string> record, opened.instance->read_catalog());
    opened.generations.clear();
    RESTORED_TRY(opened.instance->close());
    if (record) return fail(ErrorCode::file_exists, options.directory + " holds a database");
  }
  rocksdb::Options destruction;
  destruction.env = &shared_of(options).env();
  return checked(rocksdb::DestroyDB(options.directory, destruction),
                 "clearing the unfinished " + options.directory);
}

std::shared_ptr<StoredGeneration> take(StoredGenerations& generations, GenerationNumber number) {
  const auto found = generations.extract(number);
  return found.empty() ? nullptr : found.mapped();
}

// Drops what the catalog names neither live nor previous: staged generations of operations that a
// crash cut off, and retired ones that it kept from being dropped.
void drop_strays(Instance& instance, StoredGenerations& generations) {
  kill_point("catalog.open.before-strays");
  for (const auto& [number, generation] : generations) {
    log::info("catalog", "{}: dropping the stray {}", instance.directory(),
              column_family_name(number));
    generation->let_go();
  }
  generations.clear();
  instance.upkeep().flush();
  kill_point("catalog.open.after-strays");
}

}  // namespace

std::string rocksdb_version() {
  return fmt::format("{}.{}.{}", ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH);
}

Result<std::unique_ptr<Database>> Database::create(const OpenOptions& options) {
  const Clock& clock = clock_of(options);
  RESTORED_TRY(clear_unfinished(options));
  RESTORED_TRY(std::unique_ptr<Instance> instance,
               Instance::create(options.directory, shared_of(options), clock));
  kill_point("catalog.create.before-generation");
  RESTORED_TRY(std::shared_ptr<StoredGeneration> live,
               instance->create_generation(first_generation));
  CatalogRecord record;
  record.state.live = first_generation;
  record.state.live_provenance.kind = "empty";
  record.numbers_end = first_generation + 1;
  kill_point("catalog.create.before-record");
  RESTORED_TRY(instance->write_catalog(encode(record)));
  kill_point("catalog.create.after-record");
  live->keep();
  return std::make_unique<DatabaseImpl>(
      options, clock, DatabaseImpl::Parts{std::move(instance), record, std::move(live), nullptr});
}

Result<std::unique_ptr<Database>> Database::open(const OpenOptions& options) {
  const Clock& clock = clock_of(options);
  RESTORED_TRY(OpenedInstance opened, Instance::open(options.directory, shared_of(options), clock));
  RESTORED_TRY(const std::optional<std::string> bytes, opened.instance->read_catalog());
  if (!bytes) {
    return fail(ErrorCode::corruption, options.directory + " has no catalog record",
                "The making of this database was cut off: delete it and make it again.");
  }
  RESTORED_TRY(CatalogRecord record, decode_catalog(*bytes));
  std::shared_ptr<StoredGeneration> live = take(opened.generations, record.state.live);
  if (!live) {
    return fail(ErrorCode::corruption, fmt::format("{}: the live generation {} is missing",
                                                   options.directory, record.state.live));
  }
  std::shared_ptr<StoredGeneration> previous;
  if (record.state.previous) {
    previous = take(opened.generations, *record.state.previous);
    if (!previous) {
      // Serving what is live matters more than what could have been undone.
      log::error("catalog", "{}: the previous generation {} is missing; there is nothing to undo",
                 options.directory, *record.state.previous);
      forget_previous(record.state);
    }
  }
  drop_strays(*opened.instance, opened.generations);
  return std::make_unique<DatabaseImpl>(
      options, clock,
      DatabaseImpl::Parts{std::move(opened.instance), std::move(record), std::move(live),
                          std::move(previous)});
}

DatabaseImpl::DatabaseImpl(const OpenOptions& options, const Clock& clock, Parts parts)
    : options_(options),
      clock_(clock),
      instance_(std::move(parts.instance)),
      gate_(parts.live),
      key_count_(clock),
      next_number_(parts.record.numbers_end),
      record_(std::move(parts.record)),
      live_(std::move(parts.live)),
      previous_(std::move(parts.previous)) {
  instance_->set_auto_compaction(live(), true);
  MutexLock lock(mutex_);
  if (const auto until = record_.state.previous_until) {
    undo_time_ = UndoTime::at_opening(clock_, *until, record_.state.previous_seconds);
  }
}

DatabaseImpl::~DatabaseImpl() {
  {
    MutexLock lock(mutex_);
    if (closed_) return;
  }
  if (auto closed = close(); !closed) {
    log::error("catalog", "closing {}: {}", options_.directory, closed.error().message);
  }
}

Result<void> DatabaseImpl::close() {
  const Turns::Turn turn = turns_.take();
  std::shared_ptr<StoredGeneration> live;
  {
    WriteGate::Closed gate = gate_.close();
    gate.drain();
    std::shared_ptr<StoredGeneration> previous;
    {
      MutexLock lock(mutex_);
      RESTORED_CHECK(!closed_, "a database is closed once");
      closed_ = true;
      live = std::move(live_);
      previous = std::move(previous_);
    }
    gate.publish(closed_generation(live->number()));
  }
  // A flush makes the next opening quick; the log has everything should it fail.
  const rocksdb::Status flushed = instance_->db().Flush(rocksdb::FlushOptions(), live->handle());
  if (!flushed.ok()) {
    log::warning("catalog", "flushing {} at close: {}", options_.directory, flushed.ToString());
  }
  live.reset();
  if (in_doubt_.load()) {
    if (auto settled = settle(); !settled) {
      // The next opening reads the log and decides; both generations are kept for it.
      log::error("catalog", "{}: a catalog write stays in doubt: {}", options_.directory,
                 settled.error().message);
    }
  }
  doubtful_.clear();
  in_doubt_.store(false);
  return instance_->close();
}

CatalogRecord DatabaseImpl::record() const {
  MutexLock lock(mutex_);
  return record_;
}

std::shared_ptr<StoredGeneration> DatabaseImpl::live() const {
  MutexLock lock(mutex_);
  return live_;
}

std::shared_ptr<StoredGeneration> DatabaseImpl::previous() const {
  MutexLock lock(mutex_);
  return previous_;
}

CatalogState DatabaseImpl::state() const {
  return record().state;
}

std::uint64_t DatabaseImpl::live_bytes() const {
  const std::shared_ptr<StoredGeneration> generation = live();
  return generation ? generation->file_bytes() : 0;
}

Result<void> DatabaseImpl::write(const WritePermit& permit, const WriteSet& changes,
                                 Durability durability) {
  RESTORED_CHECK(permit, "a write needs a permit");
  const auto* generation = dynamic_cast<const StoredGeneration*>(&permit.generation());
  if (generation == nullptr) return fail(ErrorCode::shutting_down, "the database is closed");
  if (changes.empty()) return {};
  if (in_doubt_.load()) {
    return fail(ErrorCode::storage_engine,
                options_.directory + ": a failed swap is not settled yet, nothing can be written",
                "Look at the log for the storage error; writes go on once it is gone.");
  }
  rocksdb::WriteBatch batch;
  for (const WriteSet::Entry& entry : changes.entries()) {
    const rocksdb::Status status = entry.value
                                       ? batch.Put(generation->handle(), entry.key, *entry.value)
                                       : batch.Delete(generation->handle(), entry.key);
    RESTORED_TRY(checked(status, "collecting a write"));
  }
  return instance_->write(batch, durability);
}

Result<std::uint64_t> DatabaseImpl::count_keys(std::stop_token stop) {
  // What the gate publishes, like every other read: live_ is new a moment before.
  const std::shared_ptr<const Generation> pin = gate_.live();
  const auto* generation = dynamic_cast<const StoredGeneration*>(pin.get());
  if (generation == nullptr) return fail(ErrorCode::shutting_down, "the database is closed");
  return key_count_.count(instance_->db(), *generation, stop);
}

Result<ExportedGeneration> DatabaseImpl::export_live(const std::string& directory) {
  const std::shared_ptr<StoredGeneration> generation = live();
  if (!generation) return fail(ErrorCode::shutting_down, "the database is closed");
  return export_generation(*instance_, *generation, directory);
}

Result<std::vector<LocalFile>> DatabaseImpl::local_files() const {
  std::vector<LocalFile> files;
  for (const auto& generation : {live(), previous()}) {
    if (!generation) continue;
    RESTORED_TRY(std::vector<LocalFile> some, files_of(*instance_, *generation));
    files.insert(files.end(), std::make_move_iterator(some.begin()),
                 std::make_move_iterator(some.end()));
  }
  return files;
}

Result<std::unique_ptr<StagedGeneration>> DatabaseImpl::ingest(const std::string& directory,
                                                               const std::string& comparator,
                                                               std::span<const FileFacts> files) {
  GenerationNumber number = 0;
  {
    RESTORED_TRY(const Turns::Turn turn, take_turn());
    RESTORED_TRY(number, reserve_number());
  }
  RESTORED_TRY(std::shared_ptr<StoredGeneration> generation,
               import_generation(*instance_, number, directory, comparator, files));
  return std::make_unique<StagedColumnFamily>(std::move(generation));
}

Result<void> DatabaseImpl::verify(const StagedGeneration& staged, const Expectation& expected,
                                  std::stop_token stop) {
  const auto& generation = *static_cast<const StagedColumnFamily&>(staged).stored();
  return verify_generation(*instance_, generation, expected, std::move(stop));
}

}  // namespace restored::catalog
