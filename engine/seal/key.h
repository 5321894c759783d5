// A secret key of 256 bits, in memory that is not dumped and is wiped at its end.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/secret_text.h"

namespace restored::seal {

// Threading: like a value; const methods from any thread at once.
class Key {
 public:
  static constexpr std::size_t size = 32;

  static Key random();
  static Key copy(std::span<const std::byte, size> bytes);
  // 32 bytes as base64 (44 characters, one of them padding, or 43) or as 64 hexadecimal digits,
  // with white space around them. Nothing for anything else.
  static std::optional<Key> parse(std::string_view text);

  std::span<const std::byte, size> bytes() const {
    return std::span<const std::byte, size>(std::as_bytes(std::span(text_.view())));
  }
  // Another key, that tells nothing of this one; one for each purpose.
  Key derive(std::string_view purpose) const;
  // 32 hexadecimal digits that name the key and tell nothing of it.
  std::string fingerprint(std::string_view purpose) const;

 private:
  explicit Key(SecretText text) : text_(std::move(text)) {}
  std::span<std::byte, size> writable() {
    return std::span<std::byte, size>(std::as_writable_bytes(text_.bytes()));
  }

  SecretText text_;
};

}  // namespace restored::seal
