// Secrets as the registry keeps them: SHA-256 digests, found without comparing secrets.
// A secret is 256 random bits, so one plain hash is enough: there is nothing to guess slowly.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace restored::registry {

// Of a secret. It has no ==, which would stop at the first byte that differs: same() is the one way
// to compare.
struct Digest {
  std::array<std::byte, 32> bytes{};
  bool operator==(const Digest&) const = delete;
};

Digest digest_of(std::string_view secret);
// Its time does not depend on the content.
bool same(const Digest& left, const Digest& right);

std::string to_text(const Digest& digest);
std::optional<Digest> digest_from(std::string_view text);

// Digests to the ids of their owners. The bucket is chosen by eight bytes of the digest, which
// tells an observer nothing about the secret; every digest in it is compared, in constant time.
// Threading: that of a container.
class SecretIndex {
 public:
  void add(const Digest& digest, std::string owner);
  void remove(const Digest& digest);
  // Null when nobody owns it; until the next change. `compared`, for tests: with how many.
  const std::string* owner(const Digest& digest, std::size_t* compared = nullptr) const;

 private:
  struct Entry {
    Digest digest;
    std::string owner;
  };
  static std::uint64_t bucket(const Digest& digest);
  std::unordered_multimap<std::uint64_t, Entry> entries_;
};

}  // namespace restored::registry
