// Responses and errors in each surface's form.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/call.h"

namespace restored::control {

Response json_answer(int status, const boost::json::value& body);
// {"data": ...}
Response data_answer(int status, boost::json::value data);
// {"data": [...], "pagination": {"nextCursor", "hasMore"}}
Response page_answer(boost::json::array items, const std::optional<std::string>& next_cursor);
// The second surface's "OK".
Response ok_answer();
Response empty_answer();  // 204

// The error in the form of the call's surface; a retryable one carries Retry-After.
Response error_answer(const Error& error, Surface surface, std::string_view accept);
inline Response error_answer(const Error& error, const Call& call) {
  return error_answer(error, call.surface, call.request.accept);
}

// HTTP status of an error on the second surface, which knows fewer.
int second_status(ErrorCode code);
// Whether the header lists the media type, with any parameters but q=0.
bool accepts(std::string_view accept_header, std::string_view media_type);

// The members of an Operation's or a Backup's "error".
boost::json::value error_object(const Error& error);

inline constexpr const char* operation_location = "Operation-Location";
inline constexpr const char* preference_applied = "Preference-Applied";

// Headers that lead to an operation: Operation-Location, and Link with rel="monitor".
void point_to(Response& response, const OperationId& operation);
void link_monitor(Response& response, const OperationId& operation);

// "http://<host>/v1/databases/db_x": the contract's self links are absolute.
std::string absolute_url(const Request& request, std::string_view path);

}  // namespace restored::control
