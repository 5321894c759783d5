// Redis' glob patterns: * ? [abc] [^a-c] and \ as the escape. Pure; bytes, not characters.
#pragma once

#include <string>
#include <string_view>

namespace restored::data {

bool glob_matches(std::string_view pattern, std::string_view text, bool ignore_case = false);
// The bytes that every match begins with: "user:" of "user:*".
std::string glob_literal_prefix(std::string_view pattern);

}  // namespace restored::data
