// Keys for hosts of tests. With RESTORED_TEST_ENCRYPT=1 every TestHost encrypts its backups, all of
// them with one key: the same tests, over an encrypted repository.
#pragma once

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backup/key_ring.h"
#include "base/hex.h"
#include "base/random.h"
#include "seal/key.h"

namespace restored::test {

inline void write_key_file(const std::string& path, std::string_view digits) {
  std::ofstream(path) << digits << '\n';
  std::filesystem::permissions(path, std::filesystem::perms::owner_read);
}

// The path of a new file with a new key.
inline std::string new_key_file(std::string path) {
  std::array<std::byte, seal::Key::size> bytes{};
  fill_random(bytes);
  write_key_file(path, to_hex(bytes));
  return path;
}

inline constexpr std::string_view common_key_digits =
    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a";

inline bool all_hosts_encrypt() {
  const char* const set = std::getenv("RESTORED_TEST_ENCRYPT");
  return set != nullptr && std::string_view(set) == "1";
}

// What TestHosts have, for tests that look into the repository themselves.
inline const backup::KeyRing& ring_of_hosts() {
  static const backup::KeyRing ring = [] {
    std::vector<format::WrappingKey> keys;
    if (all_hosts_encrypt()) keys.emplace_back(*seal::Key::parse(common_key_digits));
    return backup::KeyRing(std::move(keys));
  }();
  return ring;
}

}  // namespace restored::test
