#include <boost/json.hpp>

#include "control/answers.h"
#include "control/handlers.h"
#include "control/lookup.h"
#include "control/query.h"
#include "control/request_body.h"
#include "control/second_shapes.h"
#include "restored/limits.h"

namespace restored::control {
namespace {

namespace json = boost::json;

constexpr ErrorCode invalid = ErrorCode::invalid_request;

}  // namespace

// platform and primary_region say where a cloud should put it; here it is this host, so they may
// be missing (that vendor's own command line sends region "global" instead).
Result<Response> second_create_database(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  CreateDatabase request;
  RESTORED_TRY(request.name, required_text(body, "database_name", invalid));
  RESTORED_TRY(
      check_name("database_name", request.name, 1, limits::database_name_bytes_max, invalid));
  RESTORED_TRY(const auto region, text_member(body, "primary_region", invalid));
  if (region) {
    RESTORED_TRY(
        check_name("primary_region", *region, 1, limits::database_name_bytes_max, invalid));
    request.region = *region;
  }
  request.intent = call.intent;
  RESTORED_TRY(const CreatedDatabase made,
               call.engine().create_database(std::move(request), call.principal));
  return json_answer(200, second_database_object(call, made.info, &made.connection.password));
}

Result<Response> second_list_databases(const Call& call) {
  json::array list;
  for (const DatabaseInfo& info : call.engine().databases()) {
    list.push_back(second_database_object(call, info));
  }
  return json_answer(200, list);
}

// credentials=hide changes nothing: credentials are never shown again here.
Result<Response> second_get_database(const Call& call) {
  RESTORED_TRY(const DatabaseInfo info, database_of(call));
  return json_answer(200, second_database_object(call, info));
}

Result<Response> second_rename_database(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  RESTORED_TRY(const DatabaseId id, known_database_id(call.parameter("id")));
  RESTORED_TRY(const std::string name, required_text(body, "name", invalid));
  RESTORED_TRY(check_name("name", name, 1, limits::database_name_bytes_max, invalid));
  RESTORED_TRY(call.engine().rename_database(id, name));
  return second_get_database(call);
}

// Sessions that are open stay open, as after a rotation.
Result<Response> second_reset_password(const Call& call) {
  RESTORED_TRY(const DatabaseInfo info, database_of(call));
  if (info.connections.empty()) {
    return fail(ErrorCode::connection_not_found, "the database has no connection");
  }
  RESTORED_TRY(const NewConnection made,
               call.engine().rotate_connection(info.connections.front().id, call.intent));
  return json_answer(200, second_database_object(call, info, &made.password));
}

Result<Response> second_delete_database(const Call& call) {
  RESTORED_TRY(const DatabaseId id, known_database_id(call.parameter("id")));
  if (const Result<void> removed = call.engine().remove_database(id); !removed) {
    return busy_answer(call, id, removed.error());
  }
  return ok_answer();
}

}  // namespace restored::control
