// Every route of the control server with any body, query and path parameters, through the code that
// answers the daemon's clients. The engine behind it looks at what it is handed.
#include <boost/json.hpp>

#include <array>
#include <stop_token>
#include <string>
#include <vector>

#include "checked_engine.h"
#include "choices.h"
#include "control/exchange.h"
#include "target.h"

namespace restored::fuzz {
namespace {

// The routes that read a body first, then the others.
std::vector<const control::Route*> ordered_routes() {
  std::vector<const control::Route*> ordered;
  for (const bool with_body : {true, false}) {
    for (const control::Route& route : control::routes()) {
      if ((route.method == "POST" || route.method == "PATCH") == with_body)
        ordered.push_back(&route);
    }
  }
  return ordered;
}

// The pattern with its parameters taken from the input; an empty one names what is known.
std::string path_of(const control::Route& route, Choices& choices) {
  std::string path;
  std::string_view pattern = route.pattern;
  while (!pattern.empty()) {
    const std::size_t begin = std::min(pattern.find('{'), pattern.size());
    path += pattern.substr(0, begin);
    pattern.remove_prefix(begin);
    if (pattern.empty()) break;
    pattern.remove_prefix(pattern.find('}') + 1);
    const std::string_view parameter = choices.until('\n');
    path += parameter.empty() ? known_id : parameter;
  }
  return path;
}

void check(const control::Response& response, const control::Request& request) {
  constexpr std::array statuses = {200, 201, 202, 204, 400, 401, 403, 404,
                                   405, 409, 410, 413, 422, 429, 431, 503};
  require(std::ranges::find(statuses, response.status) != statuses.end(),
          "an answer is a success or the client's fault");
  for (const auto& [name, value] : response.headers) {
    require(!name.empty() && name.find_first_of("\r\n: ") == std::string::npos &&
                value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
            "a header is one line");
  }
  require(is_utf8(response.body), "an answer is UTF-8");
  const bool fixed = request.path == "/v1/openapi.json";  // large, whatever is asked
  require(fixed || response.body.size() < 64 * 1024 + 8 * request.body.size(),
          "an answer is bounded");
  if (response.status == 204) {
    require(response.body.empty(), "204 has no body");
    return;
  }
  boost::json::error_code error;
  if (response.follow) {
    require(response.body.empty(), "a stream begins with its first event");
    boost::json::parse(response.follow->render(OperationView()), error);
    require(!error, "an event's data is JSON");
    return;
  }
  const boost::json::value body = boost::json::parse(response.body, error);
  require(!error, "an answer is JSON");
  const bool probe = request.path == "/readyz";  // tells whether, not why not
  if (response.status >= 400 && response.content_type == "application/json" && !probe) {
    const boost::json::value* told =
        body.is_object() ? body.get_object().if_contains("error") : nullptr;
    require(told != nullptr, "a refusal has an error");
    const bool first = told->is_object();
    const auto& text = first ? told->get_object().at("message").as_string() : told->as_string();
    require_sound({ErrorCode::internal, std::string(text), {}});
  }
}

void run(std::string_view input) {
  static CheckedEngine engine;
  static control::Site site{engine, {}};
  static const std::vector<const control::Route*> routes = ordered_routes();
  Choices choices(input);
  const control::Route& route = *routes[choices.below(routes.size())];
  const std::uint8_t flags = choices.byte();
  control::Request request;
  request.method = route.method;
  request.path = path_of(route, choices);
  request.query = choices.until('\n');
  request.prefer = choices.until('\n');
  request.host = "localhost";
  request.peer = "uid=0 pid=1";
  request.accept = (flags & 1) != 0 ? "application/problem+json" : "";
  request.authorization = route.surface == control::Surface::second
                              ? "Basic YWRtaW46c2VjcmV0"  // admin:secret
                              : "Bearer secret";
  request.body = choices.rest();
  control::Exchange exchange(site, request);
  const control::Response response = exchange.answer();
  check(response, request);
  if (response.wait) check(exchange.finish(*response.wait, std::stop_token()), request);
}

const Registration registration({"control_body", 16 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
