// The bytes that a request begins with.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "net/http_client.h"

namespace restored::net {

// Why the request cannot be sent: a line break in a header would be a header of its own.
std::optional<Failure> objection(const Request& request);

// Through its empty line, with room for `more` bytes behind it. All of the memory is reserved
// beforehand: a header may be a secret, which must not stay behind in memory that the text grew out
// of. Who calls this wipes the text.
std::string head_text(const Request& request, std::size_t more);

}  // namespace restored::net
