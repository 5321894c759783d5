// Members of a JSON request body. Unknown members are ignored, as both contracts' clients expect.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/call.h"

namespace restored::control {

// Whatever the Content-Type says. Errors: invalid_request (no JSON, not an object, nested deeper
// than limits::json_depth_max).
Result<boost::json::object> parse_body(std::string_view body);
// The same, but nothing at all is an empty object.
Result<boost::json::object> parse_optional_body(std::string_view body);

// Null counts as absent. Errors: `code`, when the member has another type.
Result<std::optional<std::string>> text_member(const boost::json::object& object,
                                               std::string_view name, ErrorCode code);
Result<std::optional<bool>> flag_member(const boost::json::object& object, std::string_view name,
                                        ErrorCode code);
// A whole number that is not negative.
Result<std::optional<std::uint64_t>> count_member(const boost::json::object& object,
                                                  std::string_view name, ErrorCode code);
// "bandwidthBytesPerSecond": 0 (no limit) or at least limits::store_bytes_per_second_min.
// Errors: invalid_value.
Result<std::optional<std::uint64_t>> bandwidth_member(const boost::json::object& object);
// Errors: `code`, also when it is absent.
Result<std::string> required_text(const boost::json::object& object, std::string_view name,
                                  ErrorCode code);

// bytes_min to bytes_max bytes without control characters. Errors: `code`.
Result<void> check_name(std::string_view what, std::string_view text, std::size_t bytes_min,
                        std::size_t bytes_max, ErrorCode code);
// The same for a contract that counts characters. REQUIRES: UTF-8, which parse_body() made sure of.
Result<void> check_characters(std::string_view what, std::string_view text,
                              std::size_t characters_min, std::size_t characters_max,
                              ErrorCode code);

}  // namespace restored::control
