#include "control/answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "restored/limits.h"

namespace restored::control {
namespace {

namespace json = boost::json;

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Takes the part before the separator off the front.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return trimmed(part);
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

std::string_view status_words(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Payload Too Large";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

Response first_error(const Error& error, std::string_view accept) {
  const ErrorFacts& row = facts(error.code);
  if (!accepts(accept, "application/problem+json")) {
    return json_answer(row.http_status, json::object{{"error", error_object(error)}});
  }
  json::object problem{{"type", "about:blank"},
                       {"title", json::string(status_words(row.http_status))},
                       {"status", row.http_status},
                       {"detail", error.message},
                       {"code", json::string(row.wire)}};
  if (!error.hint_text().empty()) problem["hint"] = json::string(error.hint_text());
  Response response = json_answer(row.http_status, problem);
  response.content_type = "application/problem+json";
  return response;
}

Response second_error(const Error& error) {
  std::string text = error.message;
  if (!error.hint_text().empty()) text += fmt::format(". {}", error.hint_text());
  return json_answer(second_status(error.code), json::object{{"error", text}});
}

}  // namespace

Response json_answer(int status, const json::value& body) {
  Response response;
  response.status = status;
  response.body = json::serialize(body);
  return response;
}

Response data_answer(int status, json::value data) {
  return json_answer(status, json::object{{"data", std::move(data)}});
}

Response page_answer(json::array items, const std::optional<std::string>& next_cursor) {
  json::value cursor = nullptr;
  if (next_cursor) cursor = *next_cursor;
  return json_answer(
      200, json::object{{"data", std::move(items)},
                        {"pagination", json::object{{"nextCursor", std::move(cursor)},
                                                    {"hasMore", next_cursor.has_value()}}}});
}

Response ok_answer() {
  return json_answer(200, "OK");
}

Response empty_answer() {
  Response response;
  response.status = 204;
  return response;
}

Response error_answer(const Error& error, Surface surface, std::string_view accept) {
  Response response = surface == Surface::second ? second_error(error) : first_error(error, accept);
  response.error = error.code;
  const bool busy = response.status == 503 || response.status == 429 ||
                    (response.status == 409 && facts(error.code).retry);
  if (busy) response.with("Retry-After", fmt::format("{}", limits::retry_after_seconds));
  if (response.status == 401) {
    response.with("WWW-Authenticate", surface == Surface::second
                                          ? "Basic realm=\"restored\", charset=\"UTF-8\""
                                          : "Bearer realm=\"restored\"");
  }
  return response;
}

// The second contract documents 400, 401, 403, 404, 405, 429, 500 and 503. Busy is "try later"
// there.
int second_status(ErrorCode code) {
  const ErrorFacts& row = facts(code);
  switch (row.http_status) {
    case 409:
      return row.retry ? 503 : 400;
    case 413:
    case 422:
    case 431:
      return 400;
    default:
      break;
  }
  // Damage found in a backup is the backup's fault, not the server's.
  return code == ErrorCode::corruption || code == ErrorCode::object_not_found ? 400
                                                                              : row.http_status;
}

bool accepts(std::string_view accept_header, std::string_view media_type) {
  while (!accept_header.empty()) {
    std::string_view range = next_part(accept_header, ',');
    if (!equal_ignoring_case(next_part(range, ';'), media_type)) continue;
    bool wanted = true;
    while (!range.empty()) {
      const std::string_view parameter = next_part(range, ';');
      if (!equal_ignoring_case(parameter.substr(0, 2), "q=")) continue;
      wanted = parameter.find_first_of("123456789", 2) != std::string_view::npos;
    }
    if (wanted) return true;
  }
  return false;
}

json::value error_object(const Error& error) {
  json::object object{{"code", json::string(facts(error.code).wire)}, {"message", error.message}};
  if (!error.hint_text().empty()) object["hint"] = json::string(error.hint_text());
  return object;
}

void link_monitor(Response& response, const OperationId& operation) {
  response.with("Link", fmt::format("</v1/operations/{}>; rel=\"monitor\"", operation.value));
}

void point_to(Response& response, const OperationId& operation) {
  response.with(operation_location, fmt::format("/v1/operations/{}", operation.value));
  link_monitor(response, operation);
}

std::string absolute_url(const Request& request, std::string_view path) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view(".-_:[]").find(c) != std::string_view::npos;
  };
  const bool usable =
      !request.host.empty() && std::all_of(request.host.begin(), request.host.end(), allowed);
  return fmt::format("http://{}{}", usable ? std::string_view(request.host) : "localhost", path);
}

}  // namespace restored::control
