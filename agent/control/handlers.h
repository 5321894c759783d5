// Every handler, by resource family; the table in routes.cc says where each one stands. Handlers
// are plain functions that may block; errors become answers in the dispatcher.
#pragma once

#include "control/call.h"

namespace restored::control {

// databases.cc
Result<Response> create_database(const Call& call);
Result<Response> create_project_database(const Call& call);
Result<Response> list_databases(const Call& call);
Result<Response> list_project_databases(const Call& call);
Result<Response> get_database(const Call& call);
Result<Response> update_database(const Call& call);
Result<Response> delete_database(const Call& call);

// usage.cc, me.cc
Result<Response> get_usage(const Call& call);
Result<Response> second_get_stats(const Call& call);
Result<Response> get_me(const Call& call);

// connections.cc
Result<Response> create_connection(const Call& call);           // /v1/connections: 201
Result<Response> create_database_connection(const Call& call);  // below a database: 200
Result<Response> list_connections(const Call& call);
Result<Response> list_database_connections(const Call& call);
Result<Response> get_connection(const Call& call);
Result<Response> rotate_connection(const Call& call);
Result<Response> delete_connection(const Call& call);

// backups.cc: found by the backup's id alone, or below their database
Result<Response> create_backup(const Call& call);
Result<Response> list_backups(const Call& call);
Result<Response> get_backup(const Call& call);
Result<Response> get_backup_manifest(const Call& call);
Result<Response> verify_backup(const Call& call);
Result<Response> read_content(const Call& call);
Result<Response> delete_backup(const Call& call);

// schedule.cc
Result<Response> get_schedule(const Call& call);
Result<Response> update_schedule(const Call& call);
Result<Response> second_enable_daily_backup(const Call& call);
Result<Response> second_disable_daily_backup(const Call& call);

// repository.cc
Result<Response> collect_repository(const Call& call);
Result<Response> rekey_repository(const Call& call);

// restore.cc
Result<Response> restore_database(const Call& call);
Result<Response> validate_restore(const Call& call);
Result<Response> get_undo(const Call& call);
Result<Response> undo_restore(const Call& call);

// operations.cc
Result<Response> list_operations(const Call& call);
Result<Response> get_operation(const Call& call);
Result<Response> wait_operation(const Call& call);
Result<Response> cancel_operation(const Call& call);
Result<Response> commit_operation(const Call& call);
Result<Response> update_operation(const Call& call);
Result<Response> follow_operation(const Call& call);  // operation_events.cc

// bandwidth.cc
Result<Response> get_limits(const Call& call);
Result<Response> update_limits(const Call& call);

// tokens.cc
Result<Response> create_token(const Call& call);
Result<Response> list_tokens(const Call& call);
Result<Response> get_token(const Call& call);
Result<Response> delete_token(const Call& call);

// audit.cc
Result<Response> list_audit(const Call& call);

// health.cc
Result<Response> get_info(const Call& call);
Result<Response> get_health(const Call& call);
Result<Response> get_readiness(const Call& call);

// openapi.cc
Result<Response> get_description(const Call& call);

// second_databases.cc, second_backups.cc: the second surface
Result<Response> second_create_database(const Call& call);
Result<Response> second_list_databases(const Call& call);
Result<Response> second_get_database(const Call& call);
Result<Response> second_rename_database(const Call& call);
Result<Response> second_delete_database(const Call& call);
Result<Response> second_reset_password(const Call& call);
Result<Response> second_create_backup(const Call& call);
Result<Response> second_list_backups(const Call& call);
Result<Response> second_delete_backup(const Call& call);
Result<Response> second_restore_backup(const Call& call);

}  // namespace restored::control
