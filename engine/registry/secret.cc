#include "registry/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/hex.h"

namespace restored::registry {

Digest digest_of(std::string_view secret) {
  Digest digest;
  unsigned length = 0;
  const int made =
      EVP_Digest(secret.data(), secret.size(), reinterpret_cast<unsigned char*>(digest.data()),
                 &length, EVP_sha256(), nullptr);
  RESTORED_CHECK(made == 1 && length == digest.size(), "SHA-256 is always there");
  return digest;
}

bool same(const Digest& left, const Digest& right) {
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

std::string to_text(const Digest& digest) {
  return to_hex(digest);
}

std::optional<Digest> digest_from(std::string_view text) {
  const std::optional<std::string> bytes = from_hex(text);
  Digest digest;
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::memcpy(digest.data(), bytes->data(), digest.size());
  return digest;
}

void SecretIndex::add(const Digest& digest, std::string owner_id) {
  entries_.emplace(bucket(digest), Entry{digest, std::move(owner_id)});
}

void SecretIndex::remove(const Digest& digest) {
  const auto [begin, end] = entries_.equal_range(bucket(digest));
  for (auto at = begin; at != end; ++at) {
    if (!same(at->second.digest, digest)) continue;
    entries_.erase(at);
    return;
  }
}

const std::string* SecretIndex::owner(const Digest& digest) const {
  const auto [begin, end] = entries_.equal_range(bucket(digest));
  for (auto at = begin; at != end; ++at) {
    if (same(at->second.digest, digest)) return &at->second.owner;
  }
  return nullptr;
}

std::uint64_t SecretIndex::bucket(const Digest& digest) {
  std::uint64_t value = 0;
  std::memcpy(&value, digest.data(), sizeof value);
  return value;
}

}  // namespace restored::registry
