#include "restore/database_lifecycle.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "base/log.h"
#include "restore/accept.h"
#include "restore/clone_operation.h"
#include "restore/source_check.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

Result<void> check_name(const std::string& name) {
  if (name.size() <= limits::database_name_bytes_max) return {};
  return fail(ErrorCode::invalid_value,
              fmt::format("a database name has at most {} bytes, this one has {}",
                          limits::database_name_bytes_max, name.size()));
}

Result<void> check_logical_id(const std::string& id) {
  if (id.size() <= limits::logical_id_bytes_max) return {};
  return fail(ErrorCode::invalid_value,
              fmt::format("a logical id has at most {} bytes, this one has {}",
                          limits::logical_id_bytes_max, id.size()));
}

// Writes the record if no other one of its project has its logical id.
Result<void> put_unless_taken(EngineParts& parts, const registry::DatabaseRecord& record)
    REQUIRES_LOCK(parts.changing_records) {
  for (const registry::DatabaseRecord& other : parts.registry->databases()) {
    if (record.logical_id.empty() || other.id == record.id) continue;
    if (other.project_id != record.project_id || other.logical_id != record.logical_id) continue;
    return fail(ErrorCode::logical_id_taken, fmt::format("logicalId {} is that of database db_{}",
                                                         record.logical_id, other.id.value));
  }
  return parts.registry->put_database(record);
}

Result<NewConnection> make_instance(EngineParts& parts, const registry::DatabaseRecord& record,
                                    const Intent& intent) {
  {
    const MutexLock lock(parts.changing_records);
    RESTORED_TRY(put_unless_taken(parts, record));
  }
  parts.step("restore.create.after-record");
  RESTORED_TRY(parts.files.make_directories(parts.paths.databases()));
  RESTORED_TRY(std::unique_ptr<catalog::Database> database,
               catalog::Database::create(parts.database_options(record.id)));
  parts.databases.add(record.id, std::move(database));
  parts.step("restore.create.after-database");
  RESTORED_TRY(NewConnection connection,
               parts.registry->create_connection(record.id, "default", intent));
  parts.step("restore.create.after-connection");
  return connection;
}

// Not between another's reading of the record and its writing it back.
Result<void> remove_record(EngineParts& parts, const DatabaseId& id) {
  const MutexLock lock(parts.changing_records);
  return parts.registry->remove_database(id);
}

void take_away(EngineParts& parts, const DatabaseId& id) {
  if (const Result<void> removed = remove_record(parts, id); !removed) {
    log::error("restore", "database={} stays half made until the next start: {}", id.value,
               removed.error().message);
    return;
  }
  if (Result<Claim> claim = parts.databases.claim_for_removal(id)) {
    parts.databases.remove(std::move(*claim));
    erase_removed(parts);
    return;
  }
  if (const Result<void> erased = parts.files.remove_tree(parts.paths.database(id)); !erased) {
    log::warning("restore", "database={} leaves files until the next start: {}", id.value,
                 erased.error().message);
  }
}

// What it will have been made from: looked at before anything is made.
Result<DatabaseSource> find_source(EngineParts& parts, const CreateDatabase& request) {
  if (request.from_backup) {
    RESTORED_TRY(const backup::LoadedBackup loaded,
                 load_source(parts, request.from_backup->database, request.from_backup->backup,
                             parts.request_call()));
    return SourceBackup{loaded.manifest.database, loaded.manifest.backup};
  }
  if (!request.from_database) return SourceEmpty{};
  RESTORED_TRY(find_clone_source(parts, request.from_database->database));
  return *request.from_database;
}

// The operation that brings the content, if there is to be any.
Result<std::optional<OperationId>> begin_content(EngineParts& parts, const CreateDatabase& request,
                                                 const DatabaseId& id,
                                                 const std::string& principal) {
  if (request.from_backup) {
    const RestoreRequest restore{id, request.from_backup->database, request.from_backup->backup,
                                 principal, request.intent};
    RESTORED_TRY(const OperationView operation, restore_into(parts, restore));
    return operation.id;
  }
  if (request.from_database) {
    RESTORED_TRY(const OperationView operation,
                 clone_into(parts, id, request.from_database->database, principal, request.intent));
    return operation.id;
  }
  RESTORED_TRY(parts.change_record(
      id, [](registry::DatabaseRecord& record) { record.status = DatabaseStatus::ready; }));
  return std::nullopt;
}

// The database that the same intent made before. One that is still being made is a restore's
// target, or what could not be taken away again.
Result<std::optional<MadeDatabase>> find_made(EngineParts& parts, const CreateDatabase& request) {
  const auto id = request.intent.id<DatabaseTag>("database");
  std::optional<registry::DatabaseRecord> record = parts.registry->database(id);
  if (!record) return std::nullopt;
  MadeDatabase made;
  const auto operation = request.intent.id<OperationTag>("operation");
  const bool from_another = request.from_backup || request.from_database;
  if (from_another && parts.operations->find(operation)) made.operation = operation;
  if (record->status == DatabaseStatus::provisioning && !made.operation) {
    return fail(ErrorCode::database_provisioning,
                fmt::format("database {} is being made", id.value));
  }
  made.record = std::move(*record);
  RESTORED_TRY(made.connection, parts.registry->create_connection(id, "default", request.intent));
  return made;
}

// Last, and in one write: a project has one default database, however the making ends.
Result<MadeDatabase> made_default(EngineParts& parts, const CreateDatabase& request,
                                  MadeDatabase made) {
  if (!request.is_default || made.record.is_default) return made;
  RESTORED_TRY(parts.choose_default(made.record.id));
  made.record.is_default = true;
  return made;
}

}  // namespace

Result<MadeDatabase> make_database(EngineParts& parts, const CreateDatabase& request,
                                   const std::string& principal) {
  if (parts.stopping.stop_requested()) {
    return fail(ErrorCode::shutting_down, "the agent is stopping");
  }
  RESTORED_TRY(check_name(request.name));
  RESTORED_TRY(check_logical_id(request.logical_id));
  if (request.intent.given()) {
    RESTORED_TRY(std::optional<MadeDatabase> made_before, find_made(parts, request));
    if (made_before) return made_default(parts, request, std::move(*made_before));
  }
  MadeDatabase made;
  RESTORED_TRY(made.record.source, find_source(parts, request));
  made.record.id = request.intent.id<DatabaseTag>("database");
  made.record.name = request.name;
  made.record.project_id = request.project_id;
  made.record.region = request.region;
  made.record.logical_id = request.logical_id;
  made.record.created_at = parts.clock.wall();
  Result<NewConnection> connection = make_instance(parts, made.record, request.intent);
  if (!connection) {
    take_away(parts, made.record.id);
    return std::unexpected(std::move(connection).error());
  }
  made.connection = std::move(*connection);
  Result<std::optional<OperationId>> begun =
      begin_content(parts, request, made.record.id, principal);
  if (!begun) {
    take_away(parts, made.record.id);
    return std::unexpected(std::move(begun).error());
  }
  made.operation = std::move(*begun);
  if (!made.operation) made.record.status = DatabaseStatus::ready;
  const DatabaseId id = made.record.id;
  const bool restoring = made.operation.has_value();
  Result<MadeDatabase> whole = made_default(parts, request, std::move(made));
  // Nobody would be told its password.
  if (!whole && !restoring) take_away(parts, id);
  return whole;
}

Result<void> update_database(EngineParts& parts, const DatabaseId& id,
                             const DatabaseChanges& changes) {
  if (changes.name) RESTORED_TRY(check_name(*changes.name));
  if (changes.logical_id) RESTORED_TRY(check_logical_id(*changes.logical_id));
  const MutexLock lock(parts.changing_records);
  std::optional<registry::DatabaseRecord> record = parts.registry->database(id);
  if (!record) {
    return fail(ErrorCode::database_not_found, fmt::format("database {} does not exist", id.value));
  }
  if (changes.name) record->name = *changes.name;
  if (changes.logical_id) record->logical_id = *changes.logical_id;
  return put_unless_taken(parts, *record);
}

Result<void> remove_database(EngineParts& parts, const DatabaseId& id) {
  const std::optional<registry::DatabaseRecord> record = parts.registry->database(id);
  if (!record) {
    return fail(ErrorCode::database_not_found, fmt::format("database {} does not exist", id.value));
  }
  if (record->is_default) {
    return fail(ErrorCode::default_database,
                fmt::format("database {} is the default one", id.value));
  }
  Result<Claim> claim = parts.databases.claim_for_removal(id);
  if (!claim) {
    if (claim.error().code == ErrorCode::database_not_found && parts.registry->database(id)) {
      return fail(ErrorCode::database_provisioning,
                  fmt::format("database {} is being made", id.value));
    }
    return std::unexpected(std::move(claim).error());
  }
  const bool usable = claim->usable();
  RESTORED_TRY(remove_record(parts, id));
  parts.step("restore.remove.after-record");
  parts.databases.remove(std::move(*claim));
  if (!usable) {
    RESTORED_TRY(parts.files.remove_tree(parts.paths.database(id)));
    RESTORED_TRY(parts.files.remove_tree(parts.paths.broken(id)));
  }
  erase_removed(parts);
  return {};
}

void erase_removed(EngineParts& parts) {
  for (auto& [id, database] : parts.databases.collect_removed()) {
    if (const Result<void> closed = database->close(); !closed) {
      log::warning("restore", "closing removed database={}: {}", id.value, closed.error().message);
    }
    database.reset();
    Result<void> erased = parts.files.remove_tree(parts.paths.database(id));
    if (erased) erased = parts.files.remove_tree(parts.paths.broken(id));
    if (!erased) {
      log::warning("restore", "database={} leaves files until the next start: {}", id.value,
                   erased.error().message);
    }
    parts.step("restore.remove.after-directory");
  }
}

}  // namespace restored::restore
