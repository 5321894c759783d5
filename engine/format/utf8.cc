#include "format/utf8.h"

#include <cstddef>

namespace restored::format {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
}

// Bytes of the well-formed sequence at the text's begin, 0 if there is none (The Unicode Standard,
// table 3-7: the second byte's bounds exclude overlong forms, surrogates, and beyond U+10FFFF).
std::size_t sequence_bytes(std::string_view text) {
  const unsigned first = byte_at(text, 0);
  const unsigned second = byte_at(text, 1);
  const auto between = [](unsigned byte, unsigned low, unsigned high) {
    return byte >= low && byte <= high;
  };
  const auto continues = [&](std::size_t i) { return between(byte_at(text, i), 0x80, 0xBF); };
  if (first < 0x80) return 1;
  if (between(first, 0xC2, 0xDF)) return continues(1) ? 2 : 0;
  if (between(first, 0xE0, 0xEF)) {
    const bool good = between(second, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
    return good && continues(2) ? 3 : 0;
  }
  if (between(first, 0xF0, 0xF4)) {
    const bool good = between(second, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return good && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::string to_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = sequence_bytes(text);
    result += bytes == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, bytes);
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return result;
}

}  // namespace restored::format
