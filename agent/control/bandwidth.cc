// How fast the agent as a whole, or one operation, may go.
#include <boost/json.hpp>

#include "control/answers.h"
#include "control/handlers.h"
#include "control/lookup.h"
#include "control/request_body.h"
#include "control/shapes.h"

namespace restored::control {
namespace {

namespace json = boost::json;

Result<std::uint64_t> wanted_bandwidth(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  RESTORED_TRY(const auto rate, bandwidth_member(body));
  if (!rate) return fail(ErrorCode::invalid_value, "bandwidthBytesPerSecond is missing");
  return *rate;
}

Response limits_answer(const Call& call) {
  return data_answer(200, json::object{{"type", "limits"},
                                       {"bandwidthBytesPerSecond", call.engine().bandwidth()},
                                       {"lasts", "until the agent's next start"}});
}

}  // namespace

Result<Response> get_limits(const Call& call) {
  return limits_answer(call);
}

Result<Response> update_limits(const Call& call) {
  RESTORED_TRY(const std::uint64_t rate, wanted_bandwidth(call));
  call.engine().set_bandwidth(rate);
  return limits_answer(call);
}

Result<Response> update_operation(const Call& call) {
  RESTORED_TRY(const OperationId id, known_operation_id(call.parameter("operation")));
  RESTORED_TRY(const std::uint64_t rate, wanted_bandwidth(call));
  RESTORED_TRY(const OperationView view, call.engine().set_operation_bandwidth(id, rate));
  return data_answer(200, operation_object(call, view));
}

}  // namespace restored::control
