#include "control/request_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "restored/limits.h"

namespace restored::control {
namespace {

namespace json = boost::json;

const json::value* present(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

}  // namespace

Result<json::object> parse_body(std::string_view body) {
  json::parse_options options;
  options.max_depth = limits::json_depth_max;
  json::error_code error;
  json::value value = json::parse(body, error, {}, options);
  if (error == json::error::too_deep) {
    return fail(ErrorCode::invalid_request,
                fmt::format("the body is nested deeper than {} levels", limits::json_depth_max));
  }
  if (error) {
    return fail(ErrorCode::invalid_request,
                fmt::format("the body is not JSON: {}", error.message()));
  }
  if (!value.is_object()) {
    return fail(ErrorCode::invalid_request, "the body is not a JSON object");
  }
  return std::move(value.get_object());
}

Result<json::object> parse_optional_body(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return json::object();
  return parse_body(body);
}

Result<std::optional<std::string>> text_member(const json::object& object, std::string_view name,
                                               ErrorCode code) {
  const json::value* value = present(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return fail(code, fmt::format("{} must be a string", name));
  return std::string(value->get_string().data(), value->get_string().size());
}

Result<std::optional<bool>> flag_member(const json::object& object, std::string_view name,
                                        ErrorCode code) {
  const json::value* value = present(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool()) return fail(code, fmt::format("{} must be true or false", name));
  return value->get_bool();
}

Result<std::string> required_text(const json::object& object, std::string_view name,
                                  ErrorCode code) {
  RESTORED_TRY(std::optional<std::string> text, text_member(object, name, code));
  if (!text) return fail(code, fmt::format("{} is missing", name));
  return std::move(*text);
}

Result<void> check_name(std::string_view what, std::string_view text, std::size_t bytes_min,
                        std::size_t bytes_max, ErrorCode code) {
  if (text.size() < bytes_min || text.size() > bytes_max) {
    return fail(code, fmt::format("{} must have {} to {} bytes, it has {}", what, bytes_min,
                                  bytes_max, text.size()));
  }
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), control)) {
    return fail(code, fmt::format("{} must not contain control characters", what));
  }
  return {};
}

}  // namespace restored::control
