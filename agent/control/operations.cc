#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

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

Result<std::chrono::milliseconds> parsed_timeout(std::string_view query) {
  const auto text = query_value(query, "timeout");
  if (!text) return std::chrono::seconds(limits::wait_seconds_default);
  unsigned seconds = 0;
  const char* const end = text->data() + text->size();
  const auto [stopped, error] = std::from_chars(text->data(), end, seconds);
  if (error != std::errc() || stopped != end || seconds > limits::wait_seconds_max) {
    return fail(ErrorCode::invalid_value,
                fmt::format("timeout must be a whole number of seconds from 0 to {}",
                            limits::wait_seconds_max));
  }
  return std::chrono::seconds(seconds);
}

struct Filter {
  std::optional<DatabaseId> database;
  std::optional<OperationKind> kind;
  std::optional<OperationState> state;

  bool takes(const OperationView& view) const {
    return (!database || view.database == *database || view.source_database == *database) &&
           (!kind || view.kind == *kind) && (!state || view.state == *state);
  }
};

Result<Filter> parsed_filter(std::string_view query) {
  Filter filter;
  if (const auto text = query_value(query, "databaseId")) {
    filter.database = database_id(*text).value_or(DatabaseId());
  }
  if (const auto text = query_value(query, "kind")) {
    filter.kind = operation_kind(*text);
    if (!filter.kind) {
      return fail(ErrorCode::invalid_value, "kind must be backup, restore, undo or verify");
    }
  }
  if (const auto text = query_value(query, "status")) {
    filter.state = operation_state(*text);
    if (!filter.state) {
      return fail(ErrorCode::invalid_value,
                  "status must be running, succeeded, failed or cancelled");
    }
  }
  return filter;
}

}  // namespace

Result<Response> list_operations(const Call& call) {
  RESTORED_TRY(
      const PageRequest request,
      page_request(call.request.query, limits::list_limit_default, limits::list_limit_max));
  RESTORED_TRY(const Filter filter, parsed_filter(call.request.query));
  std::vector<OperationView> views = call.engine().operations();
  std::erase_if(views, [&](const auto& view) { return !filter.takes(view); });
  const Page page = page_of(request, Order::newest_first, views.size(), [&](std::size_t index) {
    return Position{views[index].created_at, views[index].id.value};
  });
  json::array items;
  for (std::size_t index = page.begin; index < page.end; ++index) {
    items.push_back(operation_object(call, views[index]));
  }
  return page_answer(std::move(items), page.next_cursor);
}

Result<Response> get_operation(const Call& call) {
  RESTORED_TRY(const OperationId id, known_operation_id(call.parameter("operation")));
  RESTORED_TRY(const OperationView view, call.engine().operation(id));
  return data_answer(200, operation_object(call, view));
}

Result<Response> wait_operation(const Call& call) {
  RESTORED_TRY(const OperationId id, known_operation_id(call.parameter("operation")));
  RESTORED_TRY(const std::chrono::milliseconds timeout, parsed_timeout(call.request.query));
  RESTORED_TRY(const OperationView view, call.engine().operation(id));
  Response response = data_answer(200, operation_object(call, view));
  if (view.state != OperationState::running) return response;
  // The answer of now serves if there is no room to wait.
  response.wait = Wait{[&call, id, timeout](std::stop_token stop) {
    const auto after = call.engine().wait_operation(id, timeout, std::move(stop));
    if (!after) return error_answer(after.error(), call);
    return data_answer(200, operation_object(call, *after));
  }};
  return response;
}

Result<Response> cancel_operation(const Call& call) {
  RESTORED_TRY(const OperationId id, known_operation_id(call.parameter("operation")));
  RESTORED_TRY(const OperationView view, call.engine().cancel_operation(id));
  Response response = data_answer(202, operation_object(call, view));
  point_to(response, id);
  return response;
}

Result<Response> commit_operation(const Call& call) {
  RESTORED_TRY(parse_optional_body(call.request.body));
  RESTORED_TRY(const OperationId id, known_operation_id(call.parameter("operation")));
  RESTORED_TRY(const OperationView view, call.engine().commit_operation(id));
  Response response = data_answer(200, operation_object(call, view));
  point_to(response, id);
  return response;
}

}  // namespace restored::control
