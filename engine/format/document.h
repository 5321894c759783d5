// The envelope of every JSON document in a repository: a first line that names the kind and the
// version and carries the length and hash of the rest. Its form is fixed to the byte, so it is
// compared and not parsed as JSON, though it is JSON: `jq . manifest` shows both.
//   {"restored":"manifest","version":1,"bytes":123,"xxh3_128":"<32 hexadecimal digits>"}\n
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "restored/error.h"

namespace restored::format {

std::string seal(std::string_view kind, std::string_view body);

// The body. Errors: unsupported_format for a version that is newer than all that this agent knows,
// which is recognised before the length and the hash are looked at, since a newer format may change
// all that; else corruption.
Result<std::string_view> unseal(std::string_view kind, std::string_view document,
                                std::uint64_t bytes_max);

}  // namespace restored::format
