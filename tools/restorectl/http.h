// One HTTP/1.1 request to the agent's control socket, on a connection of its own: the tool makes
// few requests, and a person's pause at a prompt must not meet the agent's idle timeout.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "address.h"
#include "restored/error.h"

namespace restored::ctl {

struct HttpRequest {
  std::string method;
  std::string target;
  std::string token;
  std::string body;  // JSON; empty: none
  std::chrono::seconds deadline{60};
  std::string idempotency_key = {};  // empty: none
  std::string accept = {};           // empty: anything
  std::string prefer = {};           // empty: none
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::string operation_location;
  std::string preference_applied;
  std::string request_id;
};

// A request with a key is sent once more when its connection breaks before the answer is there:
// with the key the agent carries it out once. Errors: connection_failed (nobody listens, or the
// answer was cut off), permission_denied (of the socket), timed_out (the request may still be
// carried out).
Result<HttpAnswer> http_call(const Address& address, const HttpRequest& request);

// Hands on each line of an answer as it comes, until `line` says that it wants no more; only a
// refusal has a body then. The deadline is that of a silence. `wanted` is asked several times a
// second, in a silence too. Errors: as http_call(); cancelled when it is wanted no more.
using TakeLine = std::function<bool(std::string_view)>;
using Wanted = std::function<bool()>;
Result<HttpAnswer> http_lines(const Address& address, const HttpRequest& request,
                              const TakeLine& line, const Wanted& wanted);

}  // namespace restored::ctl
