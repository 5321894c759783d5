#include "base/utf8.h"

namespace restored {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
}

bool between(unsigned byte, unsigned low, unsigned high) {
  return byte >= low && byte <= high;
}

}  // namespace

// The Unicode Standard, table 3-7: the second byte's bounds exclude overlong forms, surrogates, and
// what is beyond U+10FFFF.
std::size_t utf8_sequence_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned first = byte_at(text, 0);
  const unsigned second = byte_at(text, 1);
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

bool is_control_character(std::string_view character) {
  const unsigned first = byte_at(character, 0);
  return !character.empty() &&
         (first < 0x20 || first == 0x7F || (first == 0xC2 && byte_at(character, 1) < 0xA0));
}

std::string to_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    result += bytes == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, bytes);
    text.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return result;
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  std::string result;
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    std::string_view character = text.substr(0, bytes == 0 ? 1 : bytes);
    text.remove_prefix(character.size());
    if (bytes == 0) {
      character = "?";
    } else if (is_control_character(character)) {
      character = " ";
    }
    if (result.size() + character.size() > bytes_max) break;
    result += character;
  }
  return result;
}

}  // namespace restored
