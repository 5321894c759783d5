#include "base/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace restored {

void fill_random(std::span<std::byte> into) {
  while (!into.empty()) {
    const ssize_t count = ::getrandom(into.data(), into.size(), 0);
    if (count < 0) {
      RESTORED_CHECK(errno == EINTR, "the kernel has a random generator");
      continue;
    }
    into = into.subspan(static_cast<std::size_t>(count));
  }
}

namespace {

// Uniform over the alphabet: bytes at or above its largest multiple are thrown away.
char random_character(std::string_view alphabet) {
  const std::size_t bound = 256 / alphabet.size() * alphabet.size();
  for (;;) {
    std::byte byte;
    fill_random({&byte, 1});
    const auto value = static_cast<std::size_t>(byte);
    if (value < bound) return alphabet[value % alphabet.size()];
  }
}

}  // namespace

std::uint64_t random_u64() {
  std::uint64_t value = 0;
  fill_random(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

std::string random_id(std::size_t length) {
  constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string id;
  id.reserve(length);
  while (id.size() < length) {
    id.push_back(random_character(id.empty() ? alphabet.substr(0, 26) : alphabet));
  }
  return id;
}

std::string random_secret(std::size_t bytes) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::vector<std::byte> secret(bytes);
  fill_random(secret);
  std::string text;
  text.reserve((bytes * 4 + 2) / 3);
  // Six bits a character; the last one carries what is left, padded with zero bits.
  std::uint32_t bits = 0;
  unsigned bits_count = 0;
  for (const std::byte byte : secret) {
    bits = (bits << 8 | static_cast<std::uint32_t>(byte)) & 0x3fff;
    bits_count += 8;
    while (bits_count >= 6) {
      bits_count -= 6;
      text.push_back(alphabet[bits >> bits_count & 63]);
    }
  }
  if (bits_count > 0) text.push_back(alphabet[bits << (6 - bits_count) & 63]);
  return text;
}

}  // namespace restored
