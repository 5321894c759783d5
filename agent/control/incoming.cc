#include "control/incoming.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/random.h"

namespace restored::control {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// A field that is sent several times is one list (RFC 9110, 5.3); of one that is no list that makes
// a value which nobody takes for one of them.
template <class Name>  // a field that Beast knows, or its name
std::string text_of(const Parser& parser, Name field) {
  std::string text;
  const auto [begin, end] = parser.get().equal_range(field);
  for (auto found = begin; found != end; ++found) {
    if (found != begin) text += ", ";
    text += std::string_view(found->value());
  }
  return text;
}

// Of a field that is a list, all lines (RFC 9110, 5.3).
std::string list_of(const Parser& parser, http::field field) {
  std::string list;
  const auto [begin, end] = parser.get().equal_range(field);
  for (auto line = begin; line != end; ++line) {
    if (!list.empty()) list += ", ";
    list += line->value();
  }
  return list;
}

// The client's own id when it is harmless to log and to send back, else one of ours.
std::string request_id(const Parser& parser) {
  const auto found = parser.get().find("X-Request-Id");
  if (found == parser.get().end()) return random_id(16);
  const std::string_view id = found->value();
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  };
  if (id.empty() || id.size() > 128 || !std::all_of(id.begin(), id.end(), allowed)) {
    return random_id(16);
  }
  return std::string(id);
}

// Splits the target; an absolute one (RFC 9112, 3.2.2) counts from its path.
void set_target(Request& request, std::string_view target) {
  if (const std::size_t scheme = target.find("://");
      scheme != std::string_view::npos && !target.starts_with('/')) {
    const std::size_t path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? "/" : target.substr(path);
  }
  const std::size_t question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (question != std::string_view::npos) request.query = std::string(target.substr(question + 1));
}

// Control characters and quotes of a path do not reach the log.
std::string loggable(std::string_view text) {
  std::string safe(text.substr(0, 256));
  for (char& c : safe) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || static_cast<unsigned char>(c) > 0x7e) {
      c = '?';
    }
  }
  return safe;
}

// For a value between quotes: a name may contain one.
std::string quotable(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c == '"' || c == '\\') safe += '\\';
    safe += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return safe;
}

}  // namespace

Request request_from(const Parser& parser, const std::string& peer) {
  Request request;
  request.method = std::string(parser.get().method_string());
  set_target(request, parser.get().target());
  request.authorization = text_of(parser, http::field::authorization);
  request.accept = text_of(parser, http::field::accept);
  request.prefer = list_of(parser, http::field::prefer);
  request.host = text_of(parser, http::field::host);
  request.id = request_id(parser);
  request.idempotency_key = text_of(parser, "Idempotency-Key");
  request.last_event_id = text_of(parser, "Last-Event-ID");
  request.peer = peer;
  return request;
}

std::optional<Error> refusal_of(const beast::error_code& error) {
  static const beast::error_category& parse_errors =
      beast::error_code(http::error::bad_target).category();
  if (error == http::error::header_limit) {
    return Error{ErrorCode::header_too_large, "the request's header is larger than 16 KiB", {}};
  }
  if (error == http::error::body_limit) {
    return Error{ErrorCode::body_too_large, "the request's body is larger than 64 KiB", {}};
  }
  if (error.category() != parse_errors || error == http::error::end_of_stream ||
      error == http::error::partial_message) {
    return std::nullopt;
  }
  return Error{ErrorCode::invalid_request,
               fmt::format("the request is not HTTP/1.1: {}", error.message()),
               {}};
}

void log_access(const Incoming& incoming, const Response& response) {
  const Request& request = incoming.request;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - incoming.begin);
  log::info("control", "request={} method={} path={} status={} ms={:.1f} by=\"{}\"", request.id,
            loggable(request.method), loggable(request.path), response.status,
            static_cast<double>(took.count()) / 1000,
            quotable(response.principal.empty() ? request.peer : response.principal));
}

}  // namespace restored::control
