// Random identifiers and secrets, from the kernel's generator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace restored {

void fill_random(std::span<std::byte> into);
std::uint64_t random_u64();
// `length` characters of [a-z0-9], the first a letter.
std::string random_id(std::size_t length = 24);
// `bytes` random bytes as base64url without padding (32 bytes: 43 characters).
std::string random_secret(std::size_t bytes = 32);

}  // namespace restored
