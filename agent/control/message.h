// Requests and responses as handlers see them: plain values, no sockets, no HTTP library.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
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
  std::string prefer;
  std::string host;
  std::string body;
  std::string peer;  // "uid=0 pid=123" or "peer=127.0.0.1:4711": who is at the other end
};

struct Response;

// An answer that comes when an operation has ended or the timeout has passed. `finish` gets its
// state of then; it runs on a thread that may block.
struct Wait {
  OperationId operation;
  std::chrono::milliseconds timeout{0};
  std::function<Response(Result<OperationView>)> finish;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  // empty with 204
  std::optional<Wait> wait;
  std::string principal;  // for the log: who was recognised

  Response& with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

}  // namespace restored::control
