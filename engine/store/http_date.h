// The time of an HTTP header: "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7). Pure.
#pragma once

#include <string_view>

#include "restored/units.h"

namespace restored::store {

// 0: it cannot be read.
UnixMillis parse_http_date(std::string_view text);

}  // namespace restored::store
