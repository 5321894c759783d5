#include <algorithm>
#include <boost/json.hpp>
#include <tuple>

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

struct Owned {
  ConnectionInfo info;
  std::string database_name;
  std::size_t order = 0;  // of a list, before it is sorted
};

Result<Owned> connection_of(const Call& call) {
  const std::optional<ConnectionId> id = connection_id(call.parameter("connection"));
  if (!id) return fail(ErrorCode::connection_not_found, "there is no connection with this id");
  RESTORED_TRY(ConnectionInfo info, call.engine().connection(*id));
  RESTORED_TRY(DatabaseInfo database, call.engine().database(info.database));
  return Owned{std::move(info), std::move(database.name), 0};
}

Result<Response> create(const Call& call, const json::object& body, std::string_view database,
                        int status) {
  RESTORED_TRY(const DatabaseId id, known_database_id(database));
  RESTORED_TRY(const DatabaseInfo owner, call.engine().database(id));
  RESTORED_TRY(std::string name, required_text(body, "name", ErrorCode::invalid_value));
  RESTORED_TRY(check_characters("name", name, limits::connection_name_characters_min,
                                limits::connection_name_characters_max, ErrorCode::invalid_value));
  RESTORED_TRY(const NewConnection made,
               call.engine().create_connection(id, std::move(name), call.intent));
  return data_answer(status, new_connection_object(call, made, owner.name));
}

Result<Response> list(const Call& call, const std::vector<DatabaseInfo>& databases) {
  RESTORED_TRY(
      const PageRequest request,
      page_request(call.request.query, limits::list_limit_default, limits::list_limit_max));
  std::vector<Owned> connections;
  for (const DatabaseInfo& database : databases) {
    for (const ConnectionInfo& info : database.connections) {
      connections.push_back({info, database.name, connections.size()});
    }
  }
  // Stable: of one moment, those of one database keep their order.
  std::sort(connections.begin(), connections.end(), [](const auto& a, const auto& b) {
    return std::tie(a.info.created_at, a.order) < std::tie(b.info.created_at, b.order);
  });
  const Page page =
      page_of(request, Order::oldest_first, connections.size(), [&](std::size_t index) {
        return Position{connections[index].info.created_at, connections[index].info.id.value};
      });
  json::array items;
  for (std::size_t index = page.begin; index < page.end; ++index) {
    items.push_back(
        connection_object(call, connections[index].info, connections[index].database_name));
  }
  return page_answer(std::move(items), page.next_cursor);
}

}  // namespace

Result<Response> create_connection(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  RESTORED_TRY(const std::string database,
               required_text(body, "databaseId", ErrorCode::invalid_value));
  return create(call, body, database, 201);
}

Result<Response> create_database_connection(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  return create(call, body, call.parameter("id"), 200);
}

Result<Response> list_connections(const Call& call) {
  const auto wanted = query_value(call.request.query, "databaseId");
  if (!wanted || wanted->empty()) return list(call, call.engine().databases());
  // A filter, not a path: an unknown database has no connections.
  const std::optional<DatabaseId> id = database_id(*wanted);
  const Result<DatabaseInfo> info =
      id ? call.engine().database(*id) : fail(ErrorCode::database_not_found, {});
  if (!info) return list(call, {});
  return list(call, {*info});
}

Result<Response> list_database_connections(const Call& call) {
  RESTORED_TRY(DatabaseInfo info, database_of(call));
  return list(call, {std::move(info)});
}

Result<Response> get_connection(const Call& call) {
  RESTORED_TRY(const Owned owned, connection_of(call));
  return data_answer(200, connection_object(call, owned.info, owned.database_name));
}

Result<Response> rotate_connection(const Call& call) {
  RESTORED_TRY(const Owned owned, connection_of(call));
  RESTORED_TRY(const NewConnection made,
               call.engine().rotate_connection(owned.info.id, call.intent));
  return data_answer(200, new_connection_object(call, made, owned.database_name));
}

Result<Response> delete_connection(const Call& call) {
  RESTORED_TRY(const Owned owned, connection_of(call));
  RESTORED_TRY(call.engine().remove_connection(owned.info.id));
  return empty_answer();
}

}  // namespace restored::control
