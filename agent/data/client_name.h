// Which names a connection may give itself: printable ASCII without spaces, for CLIENT LIST is
// one line a client.
#pragma once

#include <algorithm>
#include <string_view>

namespace restored::data {

inline constexpr std::string_view client_name_error =
    "ERR Client names cannot contain spaces, newlines or special characters.";

inline bool valid_client_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
}

}  // namespace restored::data
