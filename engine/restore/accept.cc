#include "restore/accept.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <utility>

#include "restore/backup_operation.h"
#include "restore/clone_operation.h"
#include "restore/cut_off_backup.h"
#include "restore/give_way.h"
#include "restore/operation_hooks.h"
#include "restore/restore_operation.h"
#include "restore/source_check.h"
#include "restore/undo_operation.h"
#include "restore/unrecorded_ends.h"
#include "restore/verify_operation.h"

namespace restored::restore {
namespace {

// How long a restore and an undo wait for a scheduled backup to end. An undo has a thread of those
// that wait for no repository.
constexpr std::chrono::seconds over_schedule(limits::store_request_patience_seconds);
constexpr std::chrono::seconds undo_over_schedule(1);

using Turn = OperationRunner::Turn;

Error unknown_target(const DatabaseId& id) {
  return {ErrorCode::target_database_not_found,
          fmt::format("database {} does not exist", id.value),
          {}};
}

// The registry's side of a target: is it there, and is its content somebody else's business?
Result<registry::DatabaseRecord> find_target(const EngineParts& parts, const DatabaseId& id) {
  std::optional<registry::DatabaseRecord> record = parts.registry->database(id);
  if (!record) return std::unexpected(unknown_target(id));
  if (record->status == DatabaseStatus::provisioning) {
    return fail(ErrorCode::database_provisioning,
                fmt::format("database {} is being made", id.value));
  }
  return std::move(*record);
}

registry::OperationRecord new_record(OperationKind kind, const DatabaseId& database,
                                     std::string principal, const Intent& intent) {
  registry::OperationRecord record;
  record.view.id = intent.id<OperationTag>("operation");
  record.view.kind = kind;
  record.view.database = database;
  record.view.principal = std::move(principal);
  record.view.may_cancel = true;
  return record;
}

// The operation that the same intent began before.
std::optional<OperationView> begun_before(const EngineParts& parts, const Intent& intent) {
  if (!intent.given()) return std::nullopt;
  const auto found = parts.operations->find(intent.id<OperationTag>("operation"));
  if (!found) return std::nullopt;
  return (*found)->view();
}

Result<void> refuse_when_stopping(const EngineParts& parts) {
  if (!parts.stopping.stop_requested()) return {};
  return fail(ErrorCode::shutting_down, "the agent is stopping");
}

Result<RestoreCheck> check_source(const EngineParts& parts, const RestoreRequest& request) {
  RESTORED_TRY(const backup::LoadedBackup loaded,
               load_source(parts, request.source_database, request.backup, parts.request_call()));
  const OpenDatabases::Pointer target = parts.databases.find(request.target);
  RESTORED_TRY(const SpacePlan space, plan_space(parts, target.get(), loaded.manifest));
  return RestoreCheck{loaded.manifest, space};
}

Error nothing_to_undo(const DatabaseId& id) {
  return {ErrorCode::nothing_to_undo,
          fmt::format("database {} has no previous generation", id.value),
          {}};
}

template <class Work>
OperationView start(EngineParts& parts, const OperationTable::Pointer& operation,
                    std::shared_ptr<Work> work, Turn turn = Turn::queued) {
  // An operation that is accepted while the engine stops is told so, like those before it.
  if (parts.stopping.stop_requested()) operation->stop_for_shutdown();
  OperationView view = operation->view();
  // Without a thread of its own nobody waits for a hook here.
  const auto ran = std::make_shared<bool>(false);
  OperationRunner::Task task;
  task.work = [work, ran] {
    *ran = true;
    return work->run();
  };
  task.abandon = [work](const Error& cause) {
    if constexpr (requires { work->abandon(cause); }) work->abandon(cause);
  };
  // Its end is on record. What comes after a failure finds the database as it was; after a swap,
  // nobody waits for the hook.
  task.release = [&parts, operation, work, ran] {
    mark_end(parts, *operation);
    if (*ran) tell_failed(parts, *operation);
    work->release();
    if (*ran) tell_after_swap(parts, *operation);
  };
  parts.runner.start(operation, std::move(task), turn);
  return view;
}

}  // namespace

Result<OperationView> accept_restore(EngineParts& parts, const RestoreRequest& request) {
  if (auto begun = begun_before(parts, request.intent)) return std::move(*begun);
  RESTORED_TRY(find_target(parts, request.target));
  return restore_into(parts, request);
}

Result<OperationView> restore_into(EngineParts& parts, const RestoreRequest& request) {
  RESTORED_TRY(refuse_when_stopping(parts));
  registry::OperationRecord record =
      new_record(OperationKind::restore, request.target, request.principal, request.intent);
  const auto check = [&]() -> Result<void> {
    RESTORED_TRY(check_source(parts, request));
    return {};
  };
  Result<Claim> claim = claim_over_schedule(parts, request.target, record.view.id, record.view.kind,
                                            over_schedule, check);
  if (!claim) {
    const bool gone = claim.error().code == ErrorCode::database_not_found;
    return std::unexpected(gone ? unknown_target(request.target) : std::move(claim).error());
  }
  RestoreHoldings holdings;
  holdings.claim = std::move(*claim);
  RESTORED_TRY(holdings.use, parts.uses.read(request.backup));
  RESTORED_TRY(holdings.backup,
               load_source(parts, request.source_database, request.backup, parts.request_call()));
  const format::Manifest& manifest = holdings.backup->manifest;
  RESTORED_TRY(holdings.space,
               reserve_space(parts, holdings.claim.usable() ? &holdings.claim.database() : nullptr,
                             manifest, {}));
  record.hold = request.hold;
  record.view.phase = Phase::validate;
  record.view.source_database = manifest.database;
  record.view.backup = manifest.backup;
  record.view.bytes_total = manifest.content_bytes();
  record.view.files_total = manifest.files.size();
  RESTORED_TRY(const OperationTable::Pointer operation,
               parts.operations->create(std::move(record)));
  parts.step("restore.run.after-record");
  return start(parts, operation,
               std::make_shared<RestoreOperation>(parts, operation, std::move(holdings)));
}

Result<OperationView> clone_into(EngineParts& parts, const DatabaseId& target,
                                 const DatabaseId& source, const std::string& principal,
                                 const Intent& intent) {
  RESTORED_TRY(refuse_when_stopping(parts));
  registry::OperationRecord record = new_record(OperationKind::restore, target, principal, intent);
  CloneHoldings holdings;
  RESTORED_TRY(holdings.claim, parts.databases.claim(target, record.view.id, record.view.kind));
  RESTORED_TRY(holdings.source, find_clone_source(parts, source));
  const std::uint64_t bytes = holdings.source->live_bytes();
  RESTORED_TRY(holdings.space, reserve_for_clone(parts, bytes));
  record.view.phase = Phase::validate;
  record.view.source_database = source;
  record.view.bytes_total = bytes;
  RESTORED_TRY(const OperationTable::Pointer operation,
               parts.operations->create(std::move(record)));
  parts.step("restore.clone.after-record");
  return start(parts, operation,
               std::make_shared<CloneOperation>(parts, operation, std::move(holdings)));
}

Result<RestoreCheck> check_restore(const EngineParts& parts, const RestoreRequest& request) {
  RESTORED_TRY(find_target(parts, request.target));
  const std::optional<Working> working = parts.databases.working(request.target);
  if (working && !gives_way(parts, *working)) {
    return std::unexpected(busy_error(request.target, OperationKind::restore, *working));
  }
  return check_source(parts, request);
}

Result<void> continue_operation(EngineParts& parts, registry::OperationRecord record) {
  const OperationView& view = record.view;
  if (view.kind == OperationKind::backup) {
    RESTORED_TRY(BackupUse use, parts.uses.read(view.backup));
    RESTORED_TRY(const OperationTable::Pointer backup, parts.operations->resume(std::move(record)));
    start(parts, backup, std::make_shared<CutOffBackup>(parts, backup, std::move(use)));
    return {};
  }
  if (view.backup.empty()) {
    CloneHoldings holdings;
    RESTORED_TRY(holdings.claim, parts.databases.claim(view.database, view.id, view.kind));
    RESTORED_TRY(const OperationTable::Pointer clone, parts.operations->resume(std::move(record)));
    start(parts, clone, std::make_shared<CloneOperation>(parts, clone, std::move(holdings)));
    return {};
  }
  RestoreHoldings holdings;
  RESTORED_TRY(holdings.claim, parts.databases.claim(view.database, view.id, view.kind));
  RESTORED_TRY(holdings.use, parts.uses.read(view.backup));
  RESTORED_TRY(const OperationTable::Pointer operation,
               parts.operations->resume(std::move(record)));
  start(parts, operation,
        std::make_shared<RestoreOperation>(parts, operation, std::move(holdings)));
  return {};
}

Result<OperationView> accept_backup(EngineParts& parts, const DatabaseId& id,
                                    std::string backup_name, std::string principal,
                                    std::uint64_t bandwidth_bytes_per_second,
                                    const Intent& intent) {
  if (auto begun = begun_before(parts, intent)) return std::move(*begun);
  RESTORED_TRY(refuse_when_stopping(parts));
  const std::optional<registry::DatabaseRecord> database = parts.registry->database(id);
  if (!database) {
    return fail(ErrorCode::database_not_found, fmt::format("database {} does not exist", id.value));
  }
  if (database->status == DatabaseStatus::provisioning) {
    return fail(ErrorCode::database_provisioning,
                fmt::format("database {} is being made", id.value));
  }
  registry::OperationRecord record =
      new_record(OperationKind::backup, id, std::move(principal), intent);
  record.view.backup = intent.id<BackupTag>("backup");
  record.view.bandwidth_bytes_per_second = bandwidth_bytes_per_second;
  record.backup_name = std::move(backup_name);
  RESTORED_TRY(Claim claim, parts.databases.claim(id, record.view.id, record.view.kind));
  if (!claim.usable() || database->status == DatabaseStatus::failure) {
    return fail(ErrorCode::not_restorable,
                fmt::format("database {} has failed: it has no content to back up", id.value),
                "Restore a backup into it first.");
  }
  RESTORED_TRY(const OperationTable::Pointer operation,
               parts.operations->create(std::move(record)));
  parts.step("backup.make.after-record");
  return start(parts, operation,
               std::make_shared<BackupOperation>(parts, operation, std::move(claim)));
}

Result<OperationView> accept_verify(EngineParts& parts, const BackupId& id, VerifyDepth depth,
                                    std::string principal, const Intent& intent) {
  if (auto begun = begun_before(parts, intent)) return std::move(*begun);
  RESTORED_TRY(refuse_when_stopping(parts));
  RESTORED_TRY(BackupUse use, parts.uses.read(id));
  const StoreCall call = parts.request_call();
  RESTORED_TRY(const backup::Repository* repository, parts.repository->get(call));
  RESTORED_TRY(backup::LoadedBackup loaded, repository->load(id, call));
  registry::OperationRecord record =
      new_record(OperationKind::verify, loaded.manifest.database, std::move(principal), intent);
  record.view.backup = id;
  record.view.bytes_total = loaded.manifest.content_bytes();
  record.view.files_total = loaded.manifest.files.size();
  RESTORED_TRY(const OperationTable::Pointer operation,
               parts.operations->create(std::move(record)));
  return start(parts, operation,
               std::make_shared<VerifyOperation>(parts, operation, depth, std::move(use),
                                                 std::move(loaded)));
}

Result<OperationView> undo(EngineParts& parts, const DatabaseId& id, std::string principal,
                           const Intent& intent) {
  if (auto begun = begun_before(parts, intent)) {
    if (begun->error) return std::unexpected(std::move(*begun->error));
    return std::move(*begun);
  }
  RESTORED_TRY(refuse_when_stopping(parts));
  RESTORED_TRY(find_target(parts, id));
  // What a client wrote into it and flushed, before its first restore failed, is no content of it.
  if (const auto known = parts.registry->database(id);
      known && known->status == DatabaseStatus::failure) {
    return fail(ErrorCode::nothing_to_undo,
                fmt::format("database {} has failed: it has no content to go back to", id.value),
                "Restore a backup into it.");
  }
  registry::OperationRecord record =
      new_record(OperationKind::undo, id, std::move(principal), intent);
  // What it takes back is what was there when it was asked for, not after it waited.
  const OpenDatabases::Pointer database = parts.databases.find(id);
  const auto back = database ? database->state().previous : std::nullopt;
  const auto check = [&]() -> Result<void> {
    if (back) return {};
    return std::unexpected(nothing_to_undo(id));
  };
  RESTORED_TRY(Claim claim, claim_over_schedule(parts, id, record.view.id, record.view.kind,
                                                undo_over_schedule, check));
  if (!claim.usable() || !back) return std::unexpected(nothing_to_undo(id));
  record.view.phase = Phase::swap;
  RESTORED_TRY(const OperationTable::Pointer operation,
               parts.operations->create(std::move(record)));
  parts.step("restore.undo.after-record");
  auto work = std::make_shared<UndoOperation>(parts, operation, std::move(claim), *back);
  // Without them it takes no longer than its answer; and what waits in the queue is longer by far.
  if (has_hooks(parts)) return start(parts, operation, std::move(work), Turn::at_once);
  const Result<void> outcome = work->run();
  conclude(*operation, outcome, [&] {
    mark_end(parts, *operation);
    work->release();
  });
  OperationView view = operation->view();
  if (view.error) return std::unexpected(std::move(*view.error));
  RESTORED_TRY(outcome);  // cancelled
  return view;
}

}  // namespace restored::restore
