#include "restore/views.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "backup/parallel.h"
#include "restore/schedule_times.h"

namespace restored::restore {
namespace {

DatabaseSource source_of(const catalog::Provenance& provenance) {
  if (provenance.kind == "backup") {
    return SourceBackup{provenance.source_database, provenance.backup};
  }
  if (provenance.kind == "database") return SourceDatabase{provenance.source_database};
  return SourceEmpty{};
}

DatabaseStatus status_of(const registry::DatabaseRecord& record,
                         const std::optional<Working>& working, bool broken) {
  if (record.status == DatabaseStatus::provisioning) return record.status;
  if (working && working->kind != OperationKind::backup) return DatabaseStatus::recovering;
  return broken ? DatabaseStatus::failure : record.status;
}

// The repository has the backup, and a verification found that it cannot be restored.
void note_damage(const backup::Repository& repository, const std::set<format::ContentId>& damaged,
                 BackupInfo& info, const StoreCall& call) {
  const Result<format::Contents> contents = repository.contents(info.id, call);
  if (!contents) return;
  const auto found = std::ranges::find_if(
      contents->objects, [&](const format::ContentId& id) { return damaged.contains(id); });
  if (found == contents->objects.end()) return;
  std::string message = fmt::format("a verification found {} damaged", format::object_key(*found));
  const auto noted = repository.damage(*found, call);
  // Only who has the key may say so of an encrypted backup.
  if (!noted && repository.data_key() != nullptr &&
      (backup::damaged_document(noted.error()) || backup::about_keys(noted.error().code)))
    return;
  if (noted) message += ": " + noted->reason;
  info.status = BackupStatus::failed;
  info.error = Error{ErrorCode::corruption, std::move(message),
                     "Make another backup, which replaces the damaged objects that its content "
                     "still has; then verify this one again, or delete it."};
}

// One of which the repository tells no more than that it is there.
BackupInfo unreadable_view(const DatabaseId& database, backup::UnreadableBackup backup) {
  BackupInfo info;
  info.id = std::move(backup.id);
  info.database = database;
  info.status = BackupStatus::unknown;
  info.created_at = backup.written_at;
  info.error = std::move(backup.error);
  return info;
}

// A backup of which the repository has nothing.
BackupInfo view_of(const EngineParts& parts, const Operation& operation) {
  const OperationView view = operation.view();
  BackupInfo info;
  info.id = view.backup;
  info.database = view.database;
  if (const auto record = parts.registry->database(view.database)) {
    info.database_name = record->name;
  }
  info.name = operation.backup_name();
  info.status =
      view.state == OperationState::running ? BackupStatus::running : BackupStatus::failed;
  info.created_at = view.created_at;
  info.content_bytes = view.bytes_total;
  info.files = view.files_total;
  info.operation = view.id;
  info.error = view.error;
  info.scheduled = view.principal == schedule_principal;
  if (view.state == OperationState::cancelled) {
    info.error = view.error.value_or(Error{ErrorCode::cancelled, "the backup was cancelled", {}});
  }
  return info;
}

}  // namespace

DatabaseInfo database_view(const EngineParts& parts, const registry::DatabaseRecord& record) {
  DatabaseInfo info;
  info.id = record.id;
  info.name = record.name;
  info.project_id = record.project_id;
  info.logical_id = record.logical_id;
  info.region = record.region;
  info.is_default = record.is_default;
  info.created_at = record.created_at;
  info.connections = parts.registry->connections(record.id);
  const std::optional<Working> working = parts.databases.working(record.id);
  const std::optional<Error> broken = parts.databases.broken(record.id);
  info.status = status_of(record, working, broken.has_value());
  if (working) {
    info.operation = working->operation;
    info.operation_kind = working->kind;
  }
  info.daily_backup = backed_up_by_schedule(parts.options.backups, record);
  // Until there is content, what it is to come from.
  if (record.status != DatabaseStatus::ready) info.source = record.source;
  if (info.status == DatabaseStatus::failure) info.failure = broken ? broken : record.failure;
  if (const OpenDatabases::Pointer database = parts.databases.find(record.id)) {
    const catalog::CatalogState state = database->state();
    const bool filled = state.live_provenance.kind != "empty";
    if (filled || record.status == DatabaseStatus::ready)
      info.source = source_of(state.live_provenance);
    info.generation = state.live;
    info.previous_generation = state.previous;
    if (state.previous) info.undo_until = state.previous_until;
    info.live_bytes = database->live_bytes();
  }
  return info;
}

BackupInfo backup_view(const EngineParts& parts, const format::Summary& summary) {
  BackupInfo info;
  info.id = summary.backup;
  info.database = summary.database;
  info.database_name = summary.database_name;
  info.name = summary.name;
  info.status = BackupStatus::completed;
  info.incremental = summary.incremental;
  info.scheduled = summary.scheduled;
  info.created_at = summary.created_at;
  info.stored_bytes = summary.stored_bytes;
  info.content_bytes = summary.content_bytes;
  info.uploaded_bytes = summary.uploaded_bytes;
  info.files = summary.files;
  info.entries = summary.entries;
  if (const auto maker = parts.operations->backup_operation(summary.backup)) {
    info.operation = maker->id();
  }
  return info;
}

Result<std::vector<BackupInfo>> backup_views(const EngineParts& parts, const DatabaseId& database,
                                             const StoreCall& call) {
  const bool ours = parts.registry->database(database).has_value();
  if (!ours && !format::valid_id(database.value)) {
    return fail(ErrorCode::database_not_found,
                fmt::format("database {} does not exist", database.value));
  }
  // Operations first: a backup that completes in between is then seen twice, not never.
  const std::vector<OperationTable::Pointer> makers = parts.operations->backup_operations(database);
  std::vector<BackupInfo> infos;
  for (const OperationTable::Pointer& maker : makers) {
    const OperationView view = maker->view();
    if (view.state != OperationState::succeeded) infos.push_back(view_of(parts, *maker));
  }
  RESTORED_TRY(const backup::Repository* repository, parts.repository->get(call));
  std::vector<backup::UnreadableBackup> unreadable;
  RESTORED_TRY(const std::vector<format::Summary> summaries,
               repository->list(database, call, &unreadable));
  if (!ours && summaries.empty() && unreadable.empty()) {
    return fail(ErrorCode::database_not_found,
                fmt::format("database {} does not exist", database.value));
  }
  RESTORED_TRY(const std::set<format::ContentId> damaged, repository->damaged(call));
  for (const format::Summary& summary : summaries)
    std::erase_if(infos, [&](const BackupInfo& info) { return info.id == summary.backup; });
  const std::size_t begin = infos.size();
  for (const format::Summary& summary : summaries) infos.push_back(backup_view(parts, summary));
  if (!damaged.empty()) {
    const auto look = [&](std::size_t index, const StoreCall& own) -> Result<void> {
      note_damage(*repository, damaged, infos[begin + index], own);
      return {};
    };
    RESTORED_TRY(backup::for_each_index(*parts.store, summaries.size(), call, look));
  }
  for (backup::UnreadableBackup& one : unreadable)
    infos.push_back(unreadable_view(database, std::move(one)));
  std::ranges::sort(infos, [](const BackupInfo& left, const BackupInfo& right) {
    return std::tie(left.created_at, left.id) > std::tie(right.created_at, right.id);
  });
  return infos;
}

Result<BackupInfo> find_backup(const EngineParts& parts, const BackupId& id,
                               const StoreCall& call) {
  RESTORED_TRY(const backup::Repository* repository, parts.repository->get(call));
  const Result<format::Manifest> manifest = repository->manifest(id, call);
  if (manifest) {
    BackupInfo info = backup_view(parts, format::summarize(*manifest));
    RESTORED_TRY(const std::set<format::ContentId> damaged, repository->damaged(call));
    if (!damaged.empty()) note_damage(*repository, damaged, info, call);
    return info;
  }
  const OperationTable::Pointer maker = parts.operations->backup_operation(id);
  const bool explained = maker && manifest.error().code == ErrorCode::backup_not_found &&
                         maker->view().state != OperationState::succeeded;
  if (explained) return view_of(parts, *maker);
  return std::unexpected(manifest.error());
}

}  // namespace restored::restore
