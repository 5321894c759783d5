#include "restore/clone_operation.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "restore/guarded.h"
#include "restore/preflight.h"
#include "restore/staged_steps.h"

namespace restored::restore {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;  // progress counters

}  // namespace

Result<OpenDatabases::Pointer> find_clone_source(const EngineParts& parts, const DatabaseId& id) {
  const auto record = parts.registry->database(id);
  if (!record) {
    return fail(ErrorCode::source_database_not_found,
                fmt::format("database {} does not exist", id.value),
                "source.databaseId names the database to clone; list the databases.");
  }
  if (record->status == DatabaseStatus::provisioning) {
    return fail(ErrorCode::database_provisioning,
                fmt::format("database {} is being made", id.value));
  }
  OpenDatabases::Pointer database = parts.databases.find(id);
  if (database) return database;
  return fail(ErrorCode::not_restorable,
              fmt::format("database {} has failed: it has no content to clone", id.value),
              "Restore a backup into it first, or create from the backup.");
}

CloneOperation::CloneOperation(EngineParts& parts, std::shared_ptr<Operation> operation,
                               CloneHoldings holdings)
    : parts_(parts),
      operation_(std::move(operation)),
      accepted_(operation_->view()),
      stop_(operation_->stop_token()),
      directory_(parts.paths.staging(accepted_.database, accepted_.id)),
      holdings_(std::move(holdings)) {}

Result<void> CloneOperation::run() {
  Result<void> outcome = guarded([this] { return phases(); });
  staged_.reset();
  holdings_.source.reset();
  if (!outcome && swapped_) {
    note_if_failed(outcome, accepted_.id, "has succeeded, but was cut short");
    note_if_failed(guarded([this] {
                     retire();
                     return Result<void>();
                   }),
                   accepted_.id, "leaves its last steps to the next start");
    outcome = {};
  }
  if (!outcome && !operation_->is_cut_off(outcome.error())) {
    abandon(operation_->cause(outcome.error()));
  }
  return outcome;
}

Result<void> CloneOperation::phases() {
  RESTORED_TRY(validate());
  RESTORED_TRY(reserve());
  RESTORED_TRY(export_files());
  RESTORED_TRY(ingest());
  RESTORED_TRY(verify());
  RESTORED_TRY(swap());
  retire();
  return {};
}

void CloneOperation::release() {
  holdings_.space.reset();
  holdings_.claim.release();
}

Result<void> CloneOperation::validate() {
  if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "stopped before it began");
  RESTORED_TRY(operation_->enter(Phase::validate));
  if (!holdings_.source) {
    RESTORED_TRY(holdings_.source, find_clone_source(parts_, accepted_.source_database));
  }
  if (holdings_.claim.usable()) return {};
  return fail(ErrorCode::not_restorable,
              fmt::format("the new database {} cannot be opened", accepted_.database.value),
              "Look at the log for the reason, delete it and clone again.");
}

Result<void> CloneOperation::reserve() {
  RESTORED_TRY(operation_->enter(Phase::reserve));
  if (!holdings_.space) {
    RESTORED_TRY(holdings_.space, reserve_for_clone(parts_, holdings_.source->live_bytes()));
  }
  // An earlier attempt's links are of another moment.
  RESTORED_TRY(parts_.files.remove_tree(directory_));
  return parts_.files.make_directories(directory_);
}

Result<void> CloneOperation::export_files() {
  RESTORED_TRY(operation_->enter(Phase::export_files));
  const std::string links = directory_ + "/files";
  RESTORED_TRY(exported_, holdings_.source->export_live(links));
  // Whose backups may have these files: the clone's first backup then need not read them.
  const catalog::CatalogState state = holdings_.source->state();
  if (!state.base_backups.empty()) base_ = state.base_backups.front();
  holdings_.source.reset();
  // The files are on the device since they were written, their new names are not.
  RESTORED_TRY(parts_.files.sync_directory(links));
  pipeline::Progress& progress = operation_->progress();
  std::uint64_t bytes = 0;
  for (const catalog::FileFacts& file : exported_.files) bytes += file.size_bytes;
  for (auto* counter : {&progress.bytes_total, &progress.bytes_done, &progress.bytes_reused})
    counter->store(bytes, relaxed);
  for (auto* counter : {&progress.files_total, &progress.files_done})
    counter->store(exported_.files.size(), relaxed);
  parts_.step("restore.clone.after-export");
  if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "stopped after the export");
  return {};
}

Result<void> CloneOperation::ingest() {
  RESTORED_TRY(operation_->enter(Phase::ingest));
  RESTORED_TRY(staged_, holdings_.claim.database().ingest(exported_.directory, exported_.comparator,
                                                          exported_.files));
  parts_.step("restore.clone.after-ingest");
  return {};
}

Result<void> CloneOperation::verify() {
  RESTORED_TRY(operation_->enter(Phase::verify));
  const catalog::Expectation expected = expectation(parts_, exported_.comparator, exported_.files);
  return holdings_.claim.database().verify(*staged_, expected, stop_);
}

Result<void> CloneOperation::swap() {
  RESTORED_TRY(operation_->enter(Phase::swap));
  const catalog::Provenance provenance{"database", accepted_.source_database, base_, accepted_.id};
  const auto point_of_no_return = [this] { return operation_->pass_point_of_no_return(); };
  RESTORED_TRY(const catalog::SwapReport report,
               holdings_.claim.database().swap(std::move(staged_), provenance, point_of_no_return));
  swapped_ = true;
  operation_->note_swap(report.gate_closed_seconds);
  parts_.databases.publish(accepted_.database);
  parts_.step("restore.clone.after-swap");
  return {};
}

// After the swap nothing may turn a success into a failure.
void CloneOperation::retire() {
  note_if_failed(operation_->enter(Phase::retire), accepted_.id, "cannot record its phase");
  record_database(DatabaseStatus::ready, std::nullopt);
  remove_links();
}

void CloneOperation::abandon(const Error& cause) {
  remove_links();
  record_database(DatabaseStatus::failure, cause);
  if (holdings_.claim.usable()) parts_.databases.withhold(holdings_.claim, cause);
}

void CloneOperation::record_database(DatabaseStatus status, const std::optional<Error>& failure) {
  record_status(parts_, accepted_.id, accepted_.database, status, failure);
}

void CloneOperation::remove_links() {
  note_if_failed(parts_.files.remove_tree(directory_), accepted_.id, "cannot remove its links");
}

}  // namespace restored::restore
