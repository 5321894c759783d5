#include "restore/recovery.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <ranges>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "restore/accept.h"
#include "restore/broken_instance.h"
#include "restore/cut_off_backup.h"
#include "restore/database_lifecycle.h"
#include "restore/staged_steps.h"
#include "restore/unrecorded_ends.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

void open_one(EngineParts& parts, const registry::DatabaseRecord& record) {
  const DatabaseId& id = record.id;
  Result<std::unique_ptr<catalog::Database>> database =
      catalog::Database::open(parts.database_options(id));
  if (database && record.status == DatabaseStatus::failure) {
    const Error unknown{ErrorCode::not_restorable, "it has no content", {}};
    parts.databases.add_withheld(id, std::move(*database), record.failure.value_or(unknown));
    return;
  }
  if (database) {
    parts.databases.add(id, std::move(*database));
    return;
  }
  log::error("restore", "database={} cannot be opened: {}", id.value, database.error().message);
  parts.databases.add_broken(id, std::move(database).error());
}

void open_databases(EngineParts& parts) {
  const std::vector<registry::DatabaseRecord> records = parts.registry->databases();
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < records.size(); i = next++) open_one(parts, records[i]);
  };
  std::vector<std::jthread> threads;
  const std::size_t wanted = std::min<std::size_t>(limits::databases_opening_max, records.size());
  for (std::size_t i = 1; i < wanted; ++i) threads.emplace_back(work);
  work();
}

// What cannot be cleaned up is no reason to serve nobody: it stays until housekeeping or the next
// start tries again.
void note_if_failed(const Result<void>& outcome, const std::string& what) {
  if (!outcome) log::warning("restore", "{}: {}", what, outcome.error().message);
}

// Directories that no record names: databases whose removal, or whose making, was cut off.
Result<void> remove_nameless_directories(EngineParts& parts) {
  RESTORED_TRY(parts.files.make_directories(parts.paths.databases()));
  // An instance that was put aside, or back, by an agent that was killed.
  RESTORED_TRY(parts.files.sync_directory(parts.paths.databases()));
  std::set<std::string, std::less<>> named;
  for (const registry::DatabaseRecord& record : parts.registry->databases()) {
    named.insert(parts.paths.database(record.id));
    named.insert(parts.paths.broken(record.id));
  }
  const Result<std::vector<io::Entry>> entries = parts.files.list(parts.paths.databases());
  if (!entries) {
    note_if_failed(std::unexpected(entries.error()),
                   "directories of removed databases may stay until the next start");
    return {};
  }
  for (const io::Entry& entry : *entries) {
    const std::string path = parts.paths.databases() + "/" + entry.name;
    if (named.contains(path)) continue;
    note_if_failed(parts.files.remove_tree(path), entry.name + " stays until the next start");
  }
  return {};
}

// Staged files and exports of operations that do not go on. Housekeeping removes what stays.
void remove_stray_staging(EngineParts& parts, const std::set<std::string>& going_on) {
  for (const DatabaseId& id : parts.databases.ids()) {
    const Result<std::vector<io::Entry>> entries = parts.files.list(parts.paths.staging(id));
    if (!entries) continue;  // there never was one
    for (const io::Entry& entry : *entries) {
      if (going_on.contains(entry.name)) continue;
      note_if_failed(parts.files.remove_tree(parts.paths.staging(id) + "/" + entry.name),
                     fmt::format("database={} keeps staged files", id.value));
    }
  }
}

// Whether the swap of this operation is on record. Its generation may be the previous one by now:
// a flush needs no operation.
bool committed(const catalog::CatalogState& state, const OperationId& operation) {
  return state.last_swap == operation || state.live_provenance.operation == operation ||
         (state.previous && state.previous_provenance.operation == operation);
}

Error cut_off(const char* what) {
  return {ErrorCode::shutting_down, what, "Start it again."};
}

Result<void> put_status(EngineParts& parts, const DatabaseId& id, DatabaseStatus status,
                        const std::optional<Error>& failure) {
  return parts.change_record(id, [&](registry::DatabaseRecord& record) {
    record.status = status;
    record.failure = failure;
  });
}

enum class Verdict { succeeded, failed, goes_on };
struct Decision {
  Verdict verdict = Verdict::failed;
  Error error;
};

// A swap whose record could not be synced was reported as failed, but the bytes may have reached
// the disk after all and count now that the catalog was read again.
bool succeeded_after_all(const EngineParts& parts, const OperationView& view) {
  if (view.state != OperationState::failed) return false;
  if (view.kind != OperationKind::restore && view.kind != OperationKind::undo) return false;
  const OpenDatabases::Pointer database = parts.databases.instance(view.database);
  if (!database) return false;
  const catalog::CatalogState state = database->state();
  if (state.last_swap != view.id) return false;
  // An undo makes live again what another operation brought.
  return view.kind == OperationKind::undo || state.live_provenance.operation == view.id;
}

Decision decide_restore(const EngineParts& parts, const registry::OperationRecord& record) {
  const OperationView& view = record.view;
  if (!parts.registry->database(view.database)) {
    return {Verdict::failed,
            {ErrorCode::target_database_not_found, "the database was removed meanwhile", {}}};
  }
  const OpenDatabases::Pointer database = parts.databases.instance(view.database);
  if (database && committed(database->state(), view.id)) return {Verdict::succeeded, {}};
  // One that was held when the agent ended was not what ended it.
  const bool was_held = record.hold && view.phase == Phase::staged;
  if (!was_held && view.attempts >= limits::restore_attempts_max) {
    return {Verdict::failed,
            {ErrorCode::internal,
             fmt::format("the agent ended {} times while this restore ran", view.attempts),
             "Look at the log for the reason, then start the restore again."}};
  }
  return {Verdict::goes_on, {}};
}

Decision decide_backup(EngineParts& parts, const OperationView& view) {
  Result<std::optional<Error>> ended = end_of_cut_off_backup(parts, view, parts.brief_call());
  if (!ended) return {Verdict::goes_on, {}};
  if (*ended) return {Verdict::failed, std::move(**ended)};
  return {Verdict::succeeded, {}};
}

Decision decide_by_kind(EngineParts& parts, const registry::OperationRecord& record) {
  const OperationView& view = record.view;
  switch (view.kind) {
    case OperationKind::restore:
      return decide_restore(parts, record);
    case OperationKind::backup:
      return decide_backup(parts, view);
    case OperationKind::undo: {
      const OpenDatabases::Pointer database = parts.databases.instance(view.database);
      if (database && database->state().last_swap == view.id) return {Verdict::succeeded, {}};
      return {Verdict::failed, cut_off("the agent stopped before the generations were swapped")};
    }
    case OperationKind::verify:
      return {Verdict::failed, cut_off("the agent stopped while the backup was being read")};
  }
  return {Verdict::failed, cut_off("the agent stopped")};
}

// Whoever cancelled it was told that it ends so, unless it had succeeded before; and while the
// agent was away nobody could commit what was to be committed.
Decision decide(EngineParts& parts, const registry::OperationRecord& record) {
  Decision decision = decide_by_kind(parts, record);
  if (decision.verdict == Verdict::succeeded) return decision;
  if (record.cancel_asked) {
    return {Verdict::failed, {ErrorCode::cancelled, "it was cancelled", {}}};
  }
  const std::optional<UnixMillis>& until = record.view.held_until;
  if (record.hold && !record.committed && until && parts.clock.wall() >= *until) {
    return {Verdict::failed, stage_expired(record.view.id, *until)};
  }
  return decision;
}

// What the end of a restore says of its database.
Result<void> end_restore(EngineParts& parts, const DatabaseId& id,
                         const std::optional<Error>& error) {
  const std::optional<registry::DatabaseRecord> record = parts.registry->database(id);
  if (!record) return {};
  if (!error) {
    RESTORED_TRY(put_status(parts, id, DatabaseStatus::ready, std::nullopt));
    if (parts.databases.instance(id)) parts.databases.publish(id);
    return {};  // what it replaced is removed with the other leftovers
  }
  if (record->status == DatabaseStatus::ready) return {};
  RESTORED_TRY(put_status(parts, id, DatabaseStatus::failure, error));
  if (!parts.databases.instance(id)) return {};
  // It was opened as one that is being made. Its content is nobody's.
  RESTORED_TRY(const Claim claim, parts.databases.claim_for_removal(id));
  parts.databases.withhold(claim, *error);
  return {};
}

Result<void> end(EngineParts& parts, const registry::OperationRecord& record,
                 const Decision& decision) {
  const OperationView& view = record.view;
  const bool succeeded = decision.verdict == Verdict::succeeded;
  const std::optional<Error> error = succeeded ? std::nullopt : std::optional(decision.error);
  if (view.kind == OperationKind::restore) {
    RESTORED_TRY(end_restore(parts, view.database, error));
  }
  log::info("restore", "operation={} kind={} was cut off in phase={}: {}", view.id.value,
            name(view.kind), name(view.phase),
            succeeded ? "it had succeeded" : decision.error.message);
  const Result<void> outcome =
      succeeded ? Result<void>() : Result<void>(std::unexpected(decision.error));
  return parts.operations->end_cut_off(record, outcome);
}

// One that ended in an earlier run, which could tell the registry neither then nor later.
Result<void> end_as_marked(EngineParts& parts, registry::OperationRecord marked) {
  const OperationView& view = marked.view;
  log::info("restore", "operation={} had ended before the stop: {}", view.id.value,
            name(view.state));
  std::optional<Error> error = view.error;
  if (view.state == OperationState::cancelled) {
    error = Error{ErrorCode::cancelled, "the restore was cancelled", {}};
  }
  if (view.kind == OperationKind::restore) RESTORED_TRY(end_restore(parts, view.database, error));
  return parts.operations->end_as_marked(std::move(marked));
}

Result<void> remove_half_made_one(EngineParts& parts, const DatabaseId& id) {
  RESTORED_TRY(parts.registry->remove_database(id));
  RESTORED_TRY(Claim claim, parts.databases.claim_for_removal(id));
  parts.databases.remove(std::move(claim));
  return {};
}

// Databases whose making was cut off before anybody was told of them.
void remove_half_made(EngineParts& parts, const std::set<std::string>& being_restored) {
  for (const registry::DatabaseRecord& record : parts.registry->databases()) {
    if (record.status != DatabaseStatus::provisioning) continue;
    if (being_restored.contains(record.id.value)) continue;
    const std::string database = fmt::format("database={} ", record.id.value);
    if (has_content(parts, record.id)) {
      // Its restore was done and ended; only the last word in the registry is missing.
      note_if_failed(put_status(parts, record.id, DatabaseStatus::ready, std::nullopt),
                     database + "is ready, which cannot be recorded");
      continue;
    }
    log::info("restore", "{}was not fully made: removed", database);
    note_if_failed(remove_half_made_one(parts, record.id),
                   database + "stays half made until the next start");
  }
  erase_removed(parts);
}

Result<void> put_back(EngineParts& parts, const DatabaseId& id) {
  RESTORED_TRY(Claim claim, parts.databases.claim_for_removal(id));
  if (const Result<void> back = put_back_broken_instance(parts, claim); !back) {
    log::error("restore", "database={} stays replaced by an empty instance: {}", id.value,
               back.error().message);
    return {};
  }
  auto database = catalog::Database::open(parts.database_options(id));
  if (!database) return {};
  // Somebody has mended it.
  parts.databases.replace(claim, std::move(*database));
  parts.databases.publish(id);
  return {};
}

// Databases in failure on which no restore goes on: one that has content all the same is ready,
// and an instance that was to be replaced is back in its place.
void look_again_at_failures(EngineParts& parts, const std::set<std::string>& being_restored) {
  for (const registry::DatabaseRecord& record : parts.registry->databases()) {
    if (record.status != DatabaseStatus::failure) continue;
    if (being_restored.contains(record.id.value)) continue;
    const std::string database = fmt::format("database={} ", record.id.value);
    if (has_content(parts, record.id)) {
      note_if_failed(put_status(parts, record.id, DatabaseStatus::ready, std::nullopt),
                     database + "is served, which cannot be recorded");
      parts.databases.publish(record.id);
    } else if (is_replaced(parts, record.id)) {
      note_if_failed(put_back(parts, record.id), database + "stays replaced");
    }
  }
}

}  // namespace

Result<void> recover(EngineParts& parts) {
  open_databases(parts);
  parts.operations->load();
  std::vector<registry::OperationRecord> continued;
  std::set<std::string> operations;
  std::set<std::string> databases;
  const std::vector<registry::OperationRecord> records = parts.registry->operations();
  for (const registry::OperationRecord& record : records | std::views::reverse) {
    if (succeeded_after_all(parts, record.view)) {
      registry::OperationRecord corrected = record;
      corrected.view.state = OperationState::running;
      corrected.view.error.reset();
      RESTORED_TRY(end(parts, corrected, {Verdict::succeeded, {}}));
    }
    if (record.view.state != OperationState::running) continue;
    if (auto marked = marked_end(parts, record)) {
      if (succeeded_after_all(parts, marked->view)) {
        RESTORED_TRY(end(parts, record, {Verdict::succeeded, {}}));
        continue;
      }
      RESTORED_TRY(end_as_marked(parts, std::move(*marked)));
      continue;
    }
    const Decision decision = decide(parts, record);
    if (decision.verdict == Verdict::goes_on) {
      if (record.view.kind == OperationKind::restore) {
        operations.insert(record.view.id.value);
        databases.insert(record.view.database.value);
      }
      continued.push_back(record);
    } else {
      RESTORED_TRY(end(parts, record, decision));
    }
  }
  remove_half_made(parts, databases);
  look_again_at_failures(parts, databases);
  remove_leftovers(parts);
  RESTORED_TRY(remove_nameless_directories(parts));
  remove_stray_staging(parts, operations);
  for (registry::OperationRecord& record : continued) {
    log::info("restore", "operation={} continues, attempt={}", record.view.id.value,
              record.view.attempts + 1);
    RESTORED_TRY(continue_operation(parts, std::move(record)));
  }
  return {};
}

}  // namespace restored::restore
