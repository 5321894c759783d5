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

constexpr std::string_view id_alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t id_letters = 26;

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
  std::string id;
  id.reserve(length);
  while (id.size() < length) {
    id.push_back(random_character(id.empty() ? id_alphabet.substr(0, id_letters) : id_alphabet));
  }
  return id;
}

std::string random_secret(std::size_t bytes) {
  std::vector<std::byte> secret(bytes);
  fill_random(secret);
  return secret_of(secret);
}

std::string id_of(std::string_view bytes) {
  std::string id;
  for (const char c : bytes.substr(0, 24)) {
    const std::string_view alphabet = id.empty() ? id_alphabet.substr(0, id_letters) : id_alphabet;
    id.push_back(alphabet[static_cast<unsigned char>(c) % alphabet.size()]);
  }
  return id;
}

std::string secret_of(std::span<const std::byte> secret) {
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  text.reserve((secret.size() * 4 + 2) / 3);
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
