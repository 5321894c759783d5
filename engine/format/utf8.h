// UTF-8, because JSON text must be it and names that people give may not be.
#pragma once

#include <string>
#include <string_view>

namespace restored::format {

// The text, each byte that is not part of a well-formed sequence replaced by U+FFFD.
std::string to_utf8(std::string_view text);

}  // namespace restored::format
