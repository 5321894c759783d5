// The hashes of the format: XXH3 (https://github.com/Cyan4973/xxHash), which detects damage at
// memory speed. It is not cryptographic: it does not stop somebody who may write the repository.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace restored::format {

using Hash128 = std::array<std::byte, 16>;  // canonical: big-endian, as `xxhsum -H2` prints it

std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed);
Hash128 hash128(std::span<const std::byte> bytes);
std::string hash128_hex(std::span<const std::byte> bytes);

}  // namespace restored::format
