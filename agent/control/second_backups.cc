#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "control/answers.h"
#include "control/handlers.h"
#include "control/lookup.h"
#include "control/preferences.h"
#include "control/request_body.h"
#include "control/second_shapes.h"
#include "restored/limits.h"

namespace restored::control {
namespace {

namespace json = boost::json;

constexpr ErrorCode invalid = ErrorCode::invalid_request;

// N of "Prefer: wait=N", at most wait_seconds_max. One that is malformed is one that was not sent.
std::optional<unsigned> preferred_wait(std::string_view prefer) {
  const std::optional<std::string> text = Preferences(prefer).value("wait");
  if (!text) return std::nullopt;
  unsigned seconds = 0;
  const char* const end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, seconds);
  if (error == std::errc::result_out_of_range) return limits::wait_seconds_max;
  if (error != std::errc() || stopped != end) return std::nullopt;
  return std::min(seconds, limits::wait_seconds_max);
}

// What a caller who waited learns: a failure if there was one by then, else "OK", as without wait.
Response waited_answer(const Call& call, unsigned seconds, const Result<OperationView>& after) {
  if (after && after->state != OperationState::running &&
      after->state != OperationState::succeeded) {
    const Error error = after->error.value_or(
        Error{ErrorCode::cancelled, fmt::format("restore {} was cancelled", after->id.value), {}});
    return error_answer(error, call);
  }
  Response response = ok_answer();
  response.done = after && after->state == OperationState::succeeded;
  return response.with(preference_applied, fmt::format("wait={}", seconds));
}

}  // namespace

Result<Response> second_create_backup(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  RESTORED_TRY(const DatabaseId id, known_database_id(call.parameter("id")));
  RESTORED_TRY(std::string name, required_text(body, "name", invalid));
  RESTORED_TRY(check_name("name", name, 1, limits::database_name_bytes_max, invalid));
  const Result<OperationView> started =
      call.engine().start_backup(id, std::move(name), call.principal, 0, call.intent);
  if (!started) return busy_answer(call, id, started.error());
  Response response = ok_answer();
  point_to(response, started->id);
  return response;
}

Result<Response> second_list_backups(const Call& call) {
  RESTORED_TRY(const DatabaseId id, known_database_id(call.parameter("id")));
  RESTORED_TRY(const std::vector<BackupInfo> backups, call.engine().backups(id));
  json::array list;
  for (const BackupInfo& info : backups) list.push_back(second_backup_object(info));
  return json_answer(200, list);
}

Result<Response> second_delete_backup(const Call& call) {
  RESTORED_TRY(const BackupInfo info, backup_of(call));
  if (const Result<void> removed = call.engine().remove_backup(info.id); !removed) {
    return busy_answer(call, info.database, removed.error());
  }
  return ok_answer();
}

Result<Response> second_restore_backup(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  RESTORED_TRY(const DatabaseId target, known_database_id(call.parameter("id")));
  RESTORED_TRY(const DatabaseInfo known, call.engine().database(target));
  RESTORED_TRY(const std::string backup_text, required_text(body, "backup_id", invalid));
  RESTORED_TRY(BackupId backup, known_backup_id(backup_text));
  RESTORED_TRY(const bool hold, wants_hold(call.request.prefer));
  const Result<OperationView> started = call.engine().start_restore(
      RestoreRequest{known.id, DatabaseId(), std::move(backup), call.principal, call.intent, hold});
  if (!started) return busy_answer(call, target, started.error());
  Response response = ok_answer();
  point_to(response, started->id);
  // Its end is not to be waited for: it has none before somebody commits it.
  if (hold) return response.with(preference_applied, hold_applied);
  if (const auto seconds = preferred_wait(call.request.prefer)) {
    response.wait = Wait{[&call, wait = *seconds, id = started->id](std::stop_token stop) {
      const auto after =
          call.engine().wait_operation(id, std::chrono::seconds(wait), std::move(stop));
      Response answer = waited_answer(call, wait, after);
      point_to(answer, id);
      return answer;
    }};
  }
  return response;
}

}  // namespace restored::control
