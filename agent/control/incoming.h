// From what a client sends to a request, or to the reason why there is none.
#pragma once

#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "control/message.h"
#include "restored/error.h"

namespace restored::control {

using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// A request, or why there is none; in both cases enough to answer.
struct Incoming {
  Request request;
  bool head = false;
  bool keep_alive = false;
  bool takes_chunks = true;  // HTTP/1.1
  bool refused = false;      // the answer is `refusal`, and the rest of the stream is not read
  Error refusal;
  std::chrono::steady_clock::time_point begin;
};

Request request_from(const Parser& parser, const std::string& peer);
// How a malformed request is answered; nothing: the stream itself is over.
std::optional<Error> refusal_of(const boost::beast::error_code& error);
// One line in the log for each answer.
void log_access(const Incoming& incoming, const Response& response);

}  // namespace restored::control
