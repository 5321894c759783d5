#include "agent.h"

#include <fmt/core.h>

#include "base/random.h"
#include "fields.h"

namespace restored::ctl {
namespace {

struct CodeRow {
  ErrorCode code;
  std::string_view wire;
  int http_status;
};
constexpr CodeRow code_rows[] = {
#define RESTORED_ERROR(name, number, wire, http, exit, retry, hint) {ErrorCode::name, wire, http},
#include "restored/error_codes.def"
#undef RESTORED_ERROR
};

ErrorCode code_of_status(int http_status) {
  switch (http_status) {
    case 401:
      return ErrorCode::authentication_required;
    case 403:
      return ErrorCode::permission_missing;
    case 404:
      return ErrorCode::resource_not_found;
    case 405:
      return ErrorCode::method_not_allowed;
    case 409:
      return ErrorCode::database_busy;
    case 429:
      return ErrorCode::rate_limited;
    case 503:
      return ErrorCode::shutting_down;
    default:
      return http_status < 500 ? ErrorCode::invalid_request : ErrorCode::internal;
  }
}

Failure refusal(const HttpRequest& request, HttpAnswer answer) {
  boost::json::error_code ignored;
  const auto json = boost::json::parse(answer.body, ignored);
  Error error;
  const std::string wire = text(json, "error.code");
  error.code = code_of(wire, answer.status);
  error.message = text(json, "error.message");
  error.hint = text(json, "error.hint");
  if (error.message.empty()) {
    error.message = fmt::format("{} {}: the agent answered {}{}{}", request.method, request.target,
                                answer.status, wire.empty() ? "" : " ", wire);
  }
  if (answer.status >= 500 && !answer.request_id.empty()) {
    error.message += fmt::format(" (request {})", answer.request_id);
  }
  return Failure(std::move(error), std::move(answer.body));
}

std::string operation_in(std::string_view location) {
  return std::string(location.substr(location.rfind('/') + 1));  // npos + 1 is 0
}

}  // namespace

const boost::json::value& Answer::data() const {
  const auto* inner = find(json, "data");
  return inner != nullptr ? *inner : json;
}

Answered<Answer> Agent::get(std::string target, std::chrono::seconds deadline) const {
  return call({"GET", std::move(target), token_, "", deadline});
}

Answered<Answer> Agent::post(std::string target) const {
  return call({"POST", std::move(target), token_, "", request_deadline, random_id()});
}

Answered<Answer> Agent::post(std::string target, const boost::json::object& body,
                             std::chrono::seconds deadline) const {
  return call(
      {"POST", std::move(target), token_, boost::json::serialize(body), deadline, random_id()});
}

Answered<Answer> Agent::post_preferring(std::string preference, std::string target,
                                        const boost::json::object& body) const {
  HttpRequest request{"POST",           std::move(target), token_, boost::json::serialize(body),
                      request_deadline, random_id()};
  request.prefer = std::move(preference);
  return call(std::move(request));
}

Answered<Answer> Agent::patch(std::string target, const boost::json::object& body) const {
  return call({"PATCH", std::move(target), token_, boost::json::serialize(body), request_deadline});
}

Answered<Answer> Agent::remove(std::string target) const {
  return call({"DELETE", std::move(target), token_, "", request_deadline});
}

Outcome Agent::events(const std::string& operation, const std::string& after, const TakeLine& line,
                      const Wanted& wanted) const {
  HttpRequest request{"GET", fmt::format("/v1/operations/{}/events", segment(operation)), token_,
                      ""};
  if (!after.empty()) request.target += "?after=" + segment(after);
  request.accept = "application/x-ndjson";
  RESTORED_TRY(auto received, http_lines(address_, request, line, wanted));
  if (received.status != 200) return std::unexpected(refusal(request, std::move(received)));
  return {};
}

Answered<Answer> Agent::call(HttpRequest request) const {
  RESTORED_TRY(auto received, http_call(address_, request));
  if (received.status < 200 || received.status >= 300) {
    return std::unexpected(refusal(request, std::move(received)));
  }
  Answer answer;
  answer.operation_id = operation_in(received.operation_location);
  answer.applied = std::move(received.preference_applied);
  answer.body = std::move(received.body);
  if (!answer.body.empty()) {
    boost::json::error_code error;
    answer.json = boost::json::parse(answer.body, error);
    if (error) {
      return fail(ErrorCode::connection_failed,
                  fmt::format("{} {}: the answer is not JSON ({})", request.method, request.target,
                              error.message()),
                  fmt::format("Is it restored that listens at {}?", to_text(address_)));
    }
  }
  return answer;
}

std::string segment(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string query_text(QueryValues values) {
  std::string query;
  for (const auto& [name, value] : values) {
    if (value.empty()) continue;
    query += fmt::format("{}{}={}", query.empty() ? '?' : '&', name, segment(value));
  }
  return query;
}

ErrorCode code_of(std::string_view wire, int http_status) {
  const CodeRow* by_wire = nullptr;
  for (const auto& row : code_rows) {
    if (row.wire != wire) continue;
    if (row.http_status == http_status) return row.code;
    if (by_wire == nullptr) by_wire = &row;
  }
  return by_wire != nullptr ? by_wire->code : code_of_status(http_status);
}

}  // namespace restored::ctl
