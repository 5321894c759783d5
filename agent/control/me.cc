// GET /v1/me: who asks. Here are tokens and no people: what is not there is null.
#include <boost/json.hpp>

#include "control/answers.h"
#include "control/handlers.h"

namespace restored::control {

Result<Response> get_me(const Call& call) {
  namespace json = boost::json;
  return data_answer(200, json::object{{"user", nullptr},
                                       {"workspace", nullptr},
                                       {"credential", json::object{{"type", "service_token"},
                                                                   {"id", call.token.id.value},
                                                                   {"name", call.token.name}}}});
}

}  // namespace restored::control
