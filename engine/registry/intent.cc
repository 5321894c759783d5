#include "restored/intent.h"

#include <fmt/format.h>

#include <array>
#include <span>

#include "base/random.h"
#include "base/secret_text.h"
#include "seal/kdf.h"

namespace restored {
namespace {

std::string derived(std::string_view seed, std::string_view use, std::string_view what) {
  std::string bytes(32, '\0');
  seal::hkdf_sha256(std::as_bytes(std::span(seed)), fmt::format("restored {} {}", use, what),
                    std::span<std::byte, 32>(reinterpret_cast<std::byte*>(bytes.data()), 32));
  return bytes;
}

}  // namespace

std::string Intent::id_text(std::string_view what) const {
  return given() ? id_of(derived(seed, "id", what)) : random_id();
}

std::string Intent::secret(std::string_view what) const {
  if (!given()) return random_secret();
  std::string bytes = derived(seed, "secret", what);
  const WipeAtEnd wiped(bytes);
  return secret_of(std::as_bytes(std::span(bytes)));
}

}  // namespace restored
