#include "store/object_key.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "restored/limits.h"

namespace restored::store {
namespace {

bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

std::unexpected<Error> refuse(std::string_view key) {
  std::string shown;
  for (const char c : key.substr(0, 128)) shown += allowed(c) || c == '/' ? c : '?';
  return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not an object key", shown));
}

}  // namespace

bool valid_segment(std::string_view segment) {
  return !segment.empty() && segment.front() != '.' && std::ranges::all_of(segment, allowed);
}

Result<void> check_key(std::string_view key) {
  if (key.size() > limits::object_key_bytes_max) return refuse(key);
  std::string_view rest = key;
  for (;;) {
    const std::size_t slash = rest.find('/');
    if (!valid_segment(rest.substr(0, slash))) return refuse(key);
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

Result<void> check_prefix(std::string_view prefix) {
  if (prefix.empty()) return {};
  return check_key(prefix.ends_with('/') ? prefix.substr(0, prefix.size() - 1) : prefix);
}

}  // namespace restored::store
