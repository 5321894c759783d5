// Bytes as tests write them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hex.h"

namespace restored::test {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::vector<std::byte> from_digits(std::string_view digits) {
  const std::string raw = from_hex(digits).value();
  const auto bytes = bytes_of(raw);
  return {bytes.begin(), bytes.end()};
}

}  // namespace restored::test
