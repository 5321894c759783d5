// GET /v1/operations/{id}/events
#include <algorithm>
#include <boost/json.hpp>

#include "control/answers.h"
#include "control/event.h"
#include "control/handlers.h"
#include "control/lookup.h"
#include "control/query.h"
#include "control/shapes.h"

namespace restored::control {
namespace {

// Of what is told, only the links depend on the request: on its Host.
std::function<std::string(const OperationView&)> renderer(const Call& call) {
  Request request;
  request.host = call.request.host;
  return [&site = call.site, request = std::move(request)](const OperationView& view) {
    const Call asked{.site = site, .request = request};
    return boost::json::serialize(operation_object(asked, view));
  };
}

}  // namespace

Result<Response> follow_operation(const Call& call) {
  RESTORED_TRY(const OperationId id, known_operation_id(call.parameter("operation")));
  RESTORED_TRY(const OperationView view, call.engine().operation(id));
  Follow follow;
  follow.operation = view.id;
  follow.ndjson = accepts(call.request.accept, media_type(EventForm::ndjson)) &&
                  !accepts(call.request.accept, media_type(EventForm::server_sent));
  // The header is what a client sends by itself when its stream broke: it knows better.
  follow.after = call.request.last_event_id;
  if (follow.after.empty()) {
    follow.after = query_value(call.request.query, "after").value_or(std::string());
  }
  follow.render = renderer(call);
  follow.still_allowed = [&site = call.site, token = call.token.id] {
    const std::vector<TokenInfo> tokens = site.engine.tokens();
    return std::ranges::any_of(tokens, [&](const TokenInfo& known) { return known.id == token; });
  };
  Response response;
  response.content_type = media_type(follow.ndjson ? EventForm::ndjson : EventForm::server_sent);
  response.follow = std::move(follow);
  return response;
}

}  // namespace restored::control
