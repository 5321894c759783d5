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

unsigned char byte_of(char c) {
  return static_cast<unsigned char>(c);
}

// Those of ASCII, and U+0080 to U+009F, which terminals obey too: names reach logs and terminals.
bool has_control_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned char byte = byte_of(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && byte_of(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

Result<void> refuse_control_characters(std::string_view what, std::string_view text,
                                       ErrorCode code) {
  if (!has_control_character(text)) return {};
  return fail(code, fmt::format("{} must not contain control characters", what));
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

Result<std::optional<std::uint64_t>> count_member(const json::object& object, std::string_view name,
                                                  ErrorCode code) {
  const json::value* value = present(object, name);
  if (value == nullptr) return std::nullopt;
  json::error_code error;
  const auto count = value->is_number() ? value->to_number<std::uint64_t>(error) : 0;
  if (!value->is_number() || error) {
    return fail(code, fmt::format("{} must be a whole number that is not negative", name));
  }
  return count;
}

Result<std::optional<std::uint64_t>> bandwidth_member(const json::object& object) {
  constexpr std::string_view name = "bandwidthBytesPerSecond";
  RESTORED_TRY(const auto rate, count_member(object, name, ErrorCode::invalid_value));
  if (rate && *rate != 0 && *rate < limits::store_bytes_per_second_min) {
    return fail(ErrorCode::invalid_value,
                fmt::format("{} must be at least {}, or 0: no limit", name,
                            limits::store_bytes_per_second_min),
                "To stop the transfer, cancel the operation.");
  }
  return rate;
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
  return refuse_control_characters(what, text, code);
}

Result<void> check_characters(std::string_view what, std::string_view text,
                              std::size_t characters_min, std::size_t characters_max,
                              ErrorCode code) {
  // Every byte but those that continue a character begins one.
  const auto begins = [](char c) { return (byte_of(c) & 0xc0) != 0x80; };
  const auto characters = static_cast<std::size_t>(std::ranges::count_if(text, begins));
  if (characters < characters_min || characters > characters_max) {
    return fail(code, fmt::format("{} must have {} to {} characters, it has {}", what,
                                  characters_min, characters_max, characters));
  }
  return refuse_control_characters(what, text, code);
}

}  // namespace restored::control
