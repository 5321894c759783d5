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
  const int made = EVP_Digest(secret.data(), secret.size(),
                              reinterpret_cast<unsigned char*>(digest.bytes.data()), &length,
                              EVP_sha256(), nullptr);
  RESTORED_CHECK(made == 1 && length == digest.bytes.size(), "SHA-256 is always there");
  return digest;
}

bool same(const Digest& left, const Digest& right) {
  return CRYPTO_memcmp(left.bytes.data(), right.bytes.data(), left.bytes.size()) == 0;
}

std::string to_text(const Digest& digest) {
  return to_hex(digest.bytes);
}

std::optional<Digest> digest_from(std::string_view text) {
  const std::optional<std::string> bytes = from_hex(text);
  Digest digest;
  if (!bytes || bytes->size() != digest.bytes.size()) return std::nullopt;
  std::memcpy(digest.bytes.data(), bytes->data(), digest.bytes.size());
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

const std::string* SecretIndex::owner(const Digest& digest, std::size_t* compared) const {
  const std::string* found = nullptr;
  const auto [begin, end] = entries_.equal_range(bucket(digest));
  for (auto at = begin; at != end; ++at) {
    // To the last one, whichever it is.
    found = same(at->second.digest, digest) ? &at->second.owner : found;
    if (compared != nullptr) ++*compared;
  }
  return found;
}

std::uint64_t SecretIndex::bucket(const Digest& digest) {
  std::uint64_t value = 0;
  std::memcpy(&value, digest.bytes.data(), sizeof value);
  return value;
}

}  // namespace restored::registry
