// "2GiB", "64MiB", "512KiB", "100" to bytes, for the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace restored::bench {

std::optional<std::uint64_t> parse_byte_size(std::string_view text);
std::string byte_size_text(std::uint64_t bytes);  // "2.00 GiB"

}  // namespace restored::bench
