// Path parameters and body members to the engine's things, shared by the handlers.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "control/call.h"

namespace restored::control {

// Errors: database_not_found, also for a text that can be no id.
Result<DatabaseId> known_database_id(std::string_view text);
Result<DatabaseInfo> database_of(const Call& call);  // of the path's {id}

// The path's {backup}; below a database, one of that database.
// Errors: database_not_found, backup_not_found, store errors.
Result<BackupInfo> backup_of(const Call& call);
// Errors: backup_not_found.
Result<BackupId> known_backup_id(std::string_view text);

// Errors: operation_not_found.
Result<OperationId> known_operation_id(std::string_view text);

// An error of an engine call on this database as the answer: when the database is busy, it leads
// to the running operation.
Response busy_answer(const Call& call, const DatabaseId& database, const Error& error);

// {type, databaseId, backupId}, for restore and create. Errors: unsupported_source_type, `invalid`
// (a member is missing or no string), source_database_not_found, backup_not_found.
Result<SourceBackup> backup_source(const boost::json::object& source,
                                   ErrorCode invalid = ErrorCode::invalid_source);

}  // namespace restored::control
