// Requests and responses as handlers see them: plain values, no sockets, no HTTP library.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "restored/error.h"
#include "restored/operation.h"

namespace restored::control {

struct Request {
  std::string method;
  std::string path;           // as received, without the query
  std::string query;          // without '?'
  std::string authorization;  // empty: not sent
  std::string accept;
  std::string prefer;  // of several headers: joined
  std::string host;
  std::string body;
  std::string id;  // X-Request-Id: the client's own when it is harmless, else one of ours
  std::string idempotency_key;  // empty: not sent
  std::string last_event_id;    // of an event stream that goes on; empty: not sent
  std::string peer;             // "uid=0 pid=123" or "peer=127.0.0.1:4711": who is at the other end
};

struct Response;

// An answer that takes long to come: that of an operation's end, or of a collection. `finish` makes
// it, on a thread that may block; its stop is asked for when the client leaves or the server stops.
struct Wait {
  std::function<Response(std::stop_token)> finish;
};

// An answer that goes on: the events of an operation, until it ends.
struct Follow {
  OperationId operation;
  bool ndjson = false;
  std::string after;                                        // id of an event; empty: none
  std::function<std::string(const OperationView&)> render;  // as JSON
  std::function<bool()> still_allowed;  // from memory; both are called on the socket thread
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // empty with 204
  std::optional<Wait> wait;
  std::optional<Follow> follow;    // then there is no body
  std::string principal;           // for the log: who was recognised
  std::optional<ErrorCode> error;  // of an answer that tells of one
  bool done = false;               // it was waited for: the operation that it names has ended

  Response& with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  // Null: there is none.
  std::string* header(std::string_view name) {
    for (auto& [present, value] : headers) {
      if (present == name) return &value;
    }
    return nullptr;
  }
};

}  // namespace restored::control
