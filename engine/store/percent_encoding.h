// %20 and the like, read back. What writes them is encode_path() and encode_query(), which a
// signature has to agree with.
// Pure, and safe to call from any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace restored::store {

enum class PlusIs : std::uint8_t { itself, space };

// The error is what stands where an encoded byte should be: "%zz".
std::expected<std::string, std::string_view> percent_decoded(std::string_view text, PlusIs plus);

}  // namespace restored::store
