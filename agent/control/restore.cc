#include <boost/json.hpp>

#include "base/clock.h"
#include "control/answers.h"
#include "control/handlers.h"
#include "control/lookup.h"
#include "control/preferences.h"
#include "control/query.h"
#include "control/request_body.h"
#include "control/shapes.h"

namespace restored::control {
namespace {

namespace json = boost::json;

// The target is looked up before the source is judged: an unknown target is 404 whatever the body
// asks for. A body that is no JSON object comes first of all.
Result<RestoreRequest> parsed_restore(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  const std::optional<DatabaseId> target = database_id(call.parameter("id"));
  if (!target || !call.engine().database(*target)) {
    return fail(ErrorCode::target_database_not_found, "the target database does not exist");
  }
  const json::value* source = body.if_contains("source");
  if (source == nullptr || !source->is_object()) {
    return fail(ErrorCode::invalid_source, "source is missing or not an object");
  }
  RESTORED_TRY(SourceBackup from, backup_source(source->get_object()));
  return RestoreRequest{*target, std::move(from.database), std::move(from.backup), call.principal,
                        call.intent};
}

// The database at the moment of acceptance, even if a small restore has ended since.
Result<Response> accepted(const Call& call, const OperationView& operation,
                          const std::optional<DatabaseSource>& source) {
  RESTORED_TRY(DatabaseInfo info, call.engine().database(operation.database));
  info.status = DatabaseStatus::recovering;
  if (source) info.source = *source;
  Response response = data_answer(200, database_object(call, info));
  point_to(response, operation.id);
  return response;
}

}  // namespace

Result<Response> restore_database(const Call& call) {
  RESTORED_TRY(RestoreRequest request, parsed_restore(call));
  RESTORED_TRY(request.hold, wants_hold(call.request.prefer));
  const Result<OperationView> started = call.engine().start_restore(request);
  if (!started) return busy_answer(call, request.target, started.error());
  RESTORED_TRY(Response response,
               accepted(call, *started, SourceBackup{request.source_database, request.backup}));
  if (request.hold) response.with(preference_applied, hold_applied);
  return response;
}

Result<Response> validate_restore(const Call& call) {
  RESTORED_TRY(const RestoreRequest request, parsed_restore(call));
  // Refused as the restore would be; a preview itself does not differ.
  RESTORED_TRY(wants_hold(call.request.prefer));
  const Result<RestorePreview> preview = call.engine().validate_restore(request);
  if (!preview) return busy_answer(call, request.target, preview.error());
  return data_answer(200, json::object{{"type", "restore-preview"},
                                       {"backup", backup_details(call, preview->backup)},
                                       {"database", database_object(call, preview->target)},
                                       {"stagingBytes", preview->staging_bytes},
                                       {"freeBytes", preview->free_bytes},
                                       {"reusableBytes", preview->reusable_bytes}});
}

// Whether there is something to go back to, and until when it is kept.
Result<Response> get_undo(const Call& call) {
  RESTORED_TRY(const DatabaseInfo info, database_of(call));
  json::value previous = nullptr;
  json::value until = nullptr;
  if (info.previous_generation) previous = *info.previous_generation;
  if (info.undo_until) until = iso8601(*info.undo_until);
  return data_answer(200, json::object{{"type", "undo"},
                                       {"databaseId", "db_" + info.id.value},
                                       {"possible", info.previous_generation.has_value()},
                                       {"until", std::move(until)},
                                       {"generation", info.generation},
                                       {"previousGeneration", std::move(previous)}});
}

Result<Response> undo_restore(const Call& call) {
  RESTORED_TRY(parse_optional_body(call.request.body));
  if (!hold_words(call.request.prefer).empty()) {
    return fail(ErrorCode::invalid_value, "an undo cannot be held: it stages nothing",
                "Leave Prefer: hold out. Nothing was changed.");
  }
  const std::optional<DatabaseId> id = database_id(call.parameter("id"));
  if (!id) return fail(ErrorCode::target_database_not_found, "the database does not exist");
  const Result<OperationView> started = call.engine().start_undo(*id, call.principal, call.intent);
  if (!started) return busy_answer(call, *id, started.error());
  return accepted(call, *started, std::nullopt);
}

}  // namespace restored::control
