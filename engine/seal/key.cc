#include "seal/key.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/hex.h"
#include "base/random.h"
#include "seal/kdf.h"

namespace restored::seal {
namespace {

constexpr std::size_t fingerprint_bytes = 16;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view white = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

std::optional<std::uint32_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint32_t>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<std::uint32_t> base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<std::uint32_t>(c - 'A');
  if (c >= 'a' && c <= 'z') return static_cast<std::uint32_t>(c - 'a' + 26);
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0' + 52);
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return std::nullopt;
}

// Digits of so many bits each; bits that are left over must be zero.
template <class Digit>
bool decode(std::string_view text, unsigned digit_bits, Digit digit, std::span<std::byte> into) {
  std::uint32_t bits = 0;
  unsigned held = 0;
  std::size_t filled = 0;
  for (const char c : text) {
    const auto value = digit(c);
    if (!value) return false;
    bits = bits << digit_bits | *value;
    held += digit_bits;
    if (held < 8) continue;
    held -= 8;
    if (filled == into.size()) return false;
    into[filled++] = static_cast<std::byte>(bits >> held);
    bits &= (1U << held) - 1;
  }
  return filled == into.size() && bits == 0;
}

}  // namespace

Key Key::random() {
  Key key(SecretText::of_size(size));
  fill_random(key.writable());
  return key;
}

Key Key::copy(std::span<const std::byte, size> bytes) {
  Key key(SecretText::of_size(size));
  std::ranges::copy(bytes, key.writable().begin());
  return key;
}

std::optional<Key> Key::parse(std::string_view text) {
  text = trimmed(text);
  Key key(SecretText::of_size(size));
  if (text.size() == 2 * size) {
    if (!decode(text, 4, hex_digit, key.writable())) return std::nullopt;
    return key;
  }
  if (text.size() == 44 && text.ends_with('=')) text.remove_suffix(1);
  if (text.size() != 43 || !decode(text, 6, base64_digit, key.writable())) return std::nullopt;
  return key;
}

Key Key::derive(std::string_view purpose) const {
  Key derived(SecretText::of_size(size));
  hkdf_sha256(bytes(), purpose, derived.writable());
  return derived;
}

std::string Key::fingerprint(std::string_view purpose) const {
  const Key derived = derive(purpose);
  return to_hex(derived.bytes().first(fingerprint_bytes));
}

}  // namespace restored::seal
