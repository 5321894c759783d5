#include "catalog/export.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <stop_token>

#include "base/check.h"
#include "base/kill_point.h"
#include "base/log.h"
#include "base/pause.h"
#include "catalog/generation_files.h"
#include "catalog/rocksdb_version.h"
#include "catalog/status.h"
#include "io/file_system.h"

namespace restored::catalog {
namespace {

constexpr std::chrono::minutes flush_wait(1);

// No file disappears between looking at the version and linking what it names.
class DeletionsPaused {
 public:
  static Result<std::unique_ptr<DeletionsPaused>> begin(rocksdb::DB& db) {
    RESTORED_TRY(checked(db.DisableFileDeletions(), "pausing file deletions"));
    return std::unique_ptr<DeletionsPaused>(new DeletionsPaused(db));
  }
  ~DeletionsPaused() {
    if (const auto status = resume_file_deletions(db_); !status.ok()) {
      log::warning("catalog", "resuming file deletions: {}", status.ToString());
    }
  }
  DeletionsPaused(const DeletionsPaused&) = delete;
  DeletionsPaused& operator=(const DeletionsPaused&) = delete;

 private:
  explicit DeletionsPaused(rocksdb::DB& db) : db_(db) {}
  rocksdb::DB& db_;
};

// What a restore could not reproduce (ROCKSDB's import drops range tombstones before 8.1 and never
// takes blob files along).
Result<void> refuse_unfaithful(const GenerationFile& file) {
  const rocksdb::TableProperties& properties = *file.properties;
  if (properties.num_range_deletions > 0) {
    return fail(ErrorCode::not_restorable,
                fmt::format("{} holds {} range tombstones", file.facts.name,
                            properties.num_range_deletions));
  }
  if (file.refers_to_blobs) {
    return fail(ErrorCode::not_restorable,
                fmt::format("{} keeps values in blob files", file.facts.name));
  }
  if (properties.comparator_name != comparator_name) {
    return fail(ErrorCode::not_restorable,
                fmt::format("{} is ordered by {}, not by {}", file.facts.name,
                            properties.comparator_name, comparator_name));
  }
  if (properties.num_entries == 0) {
    return fail(ErrorCode::not_restorable, fmt::format("{} holds no entries", file.facts.name));
  }
  return {};
}

// Once one of its recoveries from an error has failed, RocksDB 7.8.3 says that a flush is done
// without waiting for it (WaitForFlushMemTables looks at the recovery's error, which a later
// success does not take back). What the flush was for is sealed by then: it is written when nothing
// sealed is left.
Result<void> wait_until_written(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* handle) {
  const auto end = std::chrono::steady_clock::now() + flush_wait;
  for (;;) {
    std::uint64_t sealed = 0;
    if (!db.GetIntProperty(handle, rocksdb::DB::Properties::kNumImmutableMemTable, &sealed)) {
      return fail(ErrorCode::storage_engine,
                  "flushing for an export: RocksDB does not tell what it still has to write");
    }
    if (sealed == 0) return {};
    if (std::chrono::steady_clock::now() > end) {
      return fail(ErrorCode::storage_engine,
                  "flushing for an export: what is in memory could not be written in time",
                  "Look at the log for the device's error, then try again.");
    }
    pause(std::chrono::milliseconds(1), std::stop_token());
  }
}

Result<ExportedGeneration> link_files(const Instance& instance, const StoredGeneration& generation,
                                      const std::string& directory) {
  RESTORED_TRY(const auto paused, DeletionsPaused::begin(instance.db()));
  // Everything written before this call is in the version when the flush returns.
  rocksdb::FlushOptions flush;
  flush.wait = true;
  flush.allow_write_stall = false;
  RESTORED_TRY(checked(instance.db().Flush(flush, generation.handle()), "flushing for an export"));
  RESTORED_TRY(wait_until_written(instance.db(), generation.handle()));

  RESTORED_TRY(const std::vector<GenerationFile> files, generation_files(instance, generation));
  ExportedGeneration exported{.generation = generation.number(),
                              .directory = directory,
                              .comparator = comparator_name,
                              .largest_sequence = 0,
                              .files = {}};
  for (const GenerationFile& file : files) {
    RESTORED_TRY(refuse_unfaithful(file));
    RESTORED_TRY(instance.files().link(file.path, directory + "/" + file.facts.name));
    exported.largest_sequence = std::max(exported.largest_sequence, file.facts.largest_sequence);
    exported.files.push_back(file.facts);
  }
  kill_point("catalog.export.after-links");
  return exported;
}

}  // namespace

Result<ExportedGeneration> export_generation(const Instance& instance,
                                             const StoredGeneration& generation,
                                             const std::string& directory) {
  io::FileSystem& files = instance.files();
  if (files.stat(directory)) return fail(ErrorCode::file_exists, directory + " exists");
  RESTORED_TRY(files.make_directories(directory));
  Result<ExportedGeneration> exported = link_files(instance, generation, directory);
  if (exported) return exported;
  if (auto removed = files.remove_tree(directory); !removed) {
    log::warning("catalog", "removing {}: {}", directory, removed.error().message);
  }
  return std::unexpected(
      context("exporting " + column_family_name(generation.number()), std::move(exported).error()));
}

}  // namespace restored::catalog
