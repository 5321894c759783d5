#include "control/lookup.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "control/answers.h"
#include "control/query.h"
#include "control/request_body.h"

namespace restored::control {

Result<DatabaseId> known_database_id(std::string_view text) {
  const std::optional<DatabaseId> id = database_id(text);
  if (!id) return fail(ErrorCode::database_not_found, "there is no database with this id");
  return *id;
}

Result<DatabaseInfo> database_of(const Call& call) {
  RESTORED_TRY(const DatabaseId id, known_database_id(call.parameter("id")));
  return call.engine().database(id);
}

Result<BackupId> known_backup_id(std::string_view text) {
  const std::optional<BackupId> id = backup_id(text);
  if (!id) return fail(ErrorCode::backup_not_found, "there is no backup with this id");
  return *id;
}

Result<BackupInfo> backup_of(const Call& call) {
  RESTORED_TRY(const BackupId id, known_backup_id(call.parameter("backup")));
  const bool below_database = call.parameters.size() == 2;
  if (!below_database) return call.engine().backup(id);
  // Not the engine's database(): a backup outlives its database.
  RESTORED_TRY(const DatabaseId database, known_database_id(call.parameter("id")));
  RESTORED_TRY(BackupInfo info, call.engine().backup(id));
  if (info.database != database) {
    return fail(ErrorCode::backup_not_found,
                fmt::format("backup {} is not one of database db_{}", id.value, database.value));
  }
  return info;
}

Result<OperationId> known_operation_id(std::string_view text) {
  std::optional<OperationId> id = operation_id(text);
  if (!id) return fail(ErrorCode::operation_not_found, "there is no operation with this id");
  return std::move(*id);
}

Response busy_answer(const Call& call, const DatabaseId& database, const Error& error) {
  Response response = error_answer(error, call);
  if (!facts(error.code).retry) return response;
  const Result<DatabaseInfo> info = call.engine().database(database);
  if (info && info->operation) link_monitor(response, *info->operation);
  return response;
}

Result<SourceBackup> backup_source(const boost::json::object& source, ErrorCode invalid) {
  const boost::json::value* type = source.if_contains("type");
  if (type == nullptr || !type->is_string() || type->get_string() != "backup") {
    return fail(ErrorCode::unsupported_source_type, "source.type is not \"backup\"");
  }
  RESTORED_TRY(const std::string database, required_text(source, "databaseId", invalid));
  RESTORED_TRY(const std::string backup, required_text(source, "backupId", invalid));
  const std::optional<DatabaseId> id = database_id(database);
  if (!id) {
    return fail(ErrorCode::source_database_not_found,
                "source.databaseId is not the id of a database");
  }
  RESTORED_TRY(BackupId backup_id, known_backup_id(backup));
  return SourceBackup{*id, std::move(backup_id)};
}

}  // namespace restored::control
