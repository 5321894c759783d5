// Backups that the agent makes by itself: whether it does, when, and how long they stay.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/clock.h"
#include "control/answers.h"
#include "control/handlers.h"
#include "control/lookup.h"
#include "control/request_body.h"

namespace restored::control {
namespace {

namespace json = boost::json;

json::value error_or_null(const std::optional<Error>& error) {
  return error ? json::value(error_object(*error)) : json::value(nullptr);
}

Response schedule_answer(const BackupPolicy& policy, const DatabaseSchedule& schedule) {
  json::value daily = nullptr;
  if (schedule.chosen) daily = *schedule.chosen;
  json::value next = nullptr;
  if (schedule.next_at) next = iso8601(*schedule.next_at);
  json::value operation = nullptr;
  if (schedule.operation) operation = schedule.operation->value;
  const std::uint64_t at = policy.at_seconds;
  return data_answer(200,
                     json::object{{"type", "schedule"},
                                  {"databaseId", "db_" + schedule.database.value},
                                  {"enabled", schedule.enabled},
                                  {"daily", std::move(daily)},
                                  {"everySeconds", policy.every_seconds},
                                  {"at", fmt::format("{:02}:{:02}", at / 3600, at / 60 % 60)},
                                  {"spreadSeconds", policy.spread_seconds},
                                  {"nextAt", std::move(next)},
                                  {"settledAt", iso8601(schedule.settled_at)},
                                  {"operationId", std::move(operation)},
                                  {"failedTries", schedule.failed_tries},
                                  {"error", error_or_null(schedule.error)},
                                  {"keepDays", policy.keep_days},
                                  {"keepCount", policy.keep_count},
                                  {"keepManual", policy.keep_manual},
                                  {"retentionError", error_or_null(schedule.retention_error)}});
}

Result<Response> choose(const Call& call, bool on) {
  RESTORED_TRY(const DatabaseId id, known_database_id(call.parameter("id")));
  RESTORED_TRY(call.engine().set_daily_backup(id, on));
  return ok_answer();
}

}  // namespace

Result<Response> get_schedule(const Call& call) {
  RESTORED_TRY(const DatabaseId id, known_database_id(call.parameter("id")));
  RESTORED_TRY(const DatabaseSchedule schedule, call.engine().schedule(id));
  return schedule_answer(call.engine().backup_policy(), schedule);
}

// Null is a choice here: what the configuration says.
Result<Response> update_schedule(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  RESTORED_TRY(const DatabaseId id, known_database_id(call.parameter("id")));
  if (!body.contains("daily")) return fail(ErrorCode::invalid_value, "daily is missing");
  RESTORED_TRY(const auto daily, flag_member(body, "daily", ErrorCode::invalid_value));
  RESTORED_TRY(const DatabaseSchedule schedule, call.engine().set_daily_backup(id, daily));
  return schedule_answer(call.engine().backup_policy(), schedule);
}

Result<Response> second_enable_daily_backup(const Call& call) {
  return choose(call, true);
}

Result<Response> second_disable_daily_backup(const Call& call) {
  return choose(call, false);
}

}  // namespace restored::control
