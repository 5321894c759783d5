// Lower-case hexadecimal.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace restored {

std::string to_hex(std::span<const std::byte> bytes);
std::string to_hex(std::string_view bytes);
// Nothing when the text is not an even number of hexadecimal digits.
std::optional<std::string> from_hex(std::string_view text);

}  // namespace restored
