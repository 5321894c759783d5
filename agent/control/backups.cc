#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "control/answers.h"
#include "control/handlers.h"
#include "control/lookup.h"
#include "control/query.h"
#include "control/request_body.h"
#include "control/shapes.h"
#include "restored/limits.h"

namespace restored::control {
namespace {

namespace json = boost::json;

// What the engine's backup() will answer, for the moment before it can be asked. A repeated request
// may find one that has ended.
BackupInfo just_begun(const OperationView& view, const std::string& name,
                      const std::string& database_name) {
  BackupInfo info;
  info.id = view.backup;
  info.database = view.database;
  info.database_name = database_name;
  info.name = name;
  switch (view.state) {
    case OperationState::running:
      info.status = BackupStatus::running;
      break;
    case OperationState::succeeded:
      info.status = BackupStatus::completed;
      break;
    default:
      info.status = BackupStatus::failed;
      info.error = view.error;
  }
  info.scheduled = view.principal == schedule_principal;
  info.created_at = view.created_at;
  info.operation = view.id;
  return info;
}

}  // namespace

Result<Response> create_backup(const Call& call) {
  RESTORED_TRY(const json::object body, parse_optional_body(call.request.body));
  RESTORED_TRY(const DatabaseInfo database, database_of(call));
  RESTORED_TRY(const auto given, text_member(body, "name", ErrorCode::invalid_value));
  const std::string name = given.value_or("");
  RESTORED_TRY(
      check_name("name", name, 0, limits::database_name_bytes_max, ErrorCode::invalid_value));
  RESTORED_TRY(const auto bandwidth, bandwidth_member(body));
  const Result<OperationView> started = call.engine().start_backup(
      database.id, name, call.principal, bandwidth.value_or(0), call.intent);
  if (!started) return busy_answer(call, database.id, started.error());
  Response response =
      data_answer(201, backup_details(call, just_begun(*started, name, database.name)));
  point_to(response, started->id);
  return response;
}

Result<Response> list_backups(const Call& call) {
  RESTORED_TRY(const PageRequest request,
               page_request(call.request.query, limits::backup_list_limit_default,
                            limits::backup_list_limit_max));
  RESTORED_TRY(const DatabaseId id, known_database_id(call.parameter("id")));
  RESTORED_TRY(const std::vector<BackupInfo> backups, call.engine().backups(id));
  const std::size_t count = std::min(backups.size(), request.limit);
  json::array items;
  for (std::size_t index = 0; index < count; ++index) {
    items.push_back(backup_object(backups[index]));
  }
  // This list of the contract has no cursor, and a retention in days. 0: they stay until somebody
  // deletes them.
  const Result<DatabaseSchedule> schedule = call.engine().schedule(id);
  const bool kept = !schedule || !schedule->enabled;
  const std::uint64_t days = kept ? 0 : call.engine().backup_policy().keep_days;
  return json_answer(200,
                     json::object{{"data", std::move(items)},
                                  {"meta", json::object{{"backupRetentionDays", days}}},
                                  {"pagination", json::object{{"hasMore", count < backups.size()},
                                                              {"limit", request.limit}}}});
}

Result<Response> get_backup(const Call& call) {
  RESTORED_TRY(const BackupInfo info, backup_of(call));
  return data_answer(200, backup_details(call, info));
}

Result<Response> get_backup_manifest(const Call& call) {
  RESTORED_TRY(const BackupId id, known_backup_id(call.parameter("backup")));
  Response response;
  RESTORED_TRY(response.body, call.engine().backup_manifest(id));
  return response;
}

Result<Response> verify_backup(const Call& call) {
  RESTORED_TRY(const json::object body, parse_optional_body(call.request.body));
  RESTORED_TRY(const auto fast, flag_member(body, "fast", ErrorCode::invalid_value));
  RESTORED_TRY(const BackupInfo info, backup_of(call));
  const Result<OperationView> started = call.engine().start_verify(
      info.id, fast.value_or(false) ? VerifyDepth::fast : VerifyDepth::full, call.principal,
      call.intent);
  if (!started) return busy_answer(call, info.database, started.error());
  Response response = data_answer(202, operation_object(call, *started));
  point_to(response, started->id);
  return response;
}

Result<Response> delete_backup(const Call& call) {
  RESTORED_TRY(const BackupInfo info, backup_of(call));
  if (const Result<void> removed = call.engine().remove_backup(info.id); !removed) {
    return busy_answer(call, info.database, removed.error());
  }
  return empty_answer();
}

}  // namespace restored::control
