// Random identifiers and secrets, from the kernel's generator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace restored {

void fill_random(std::span<std::byte> into);
std::uint64_t random_u64();
// `length` characters of [a-z0-9], the first a letter.
std::string random_id(std::size_t length = 24);
// `bytes` random bytes as base64url without padding (32 bytes: 43 characters).
std::string random_secret(std::size_t bytes = 32);

// The same forms of bytes that are as good as random. Of 32 bytes an id of 24 characters, none more
// likely than another by more than a part in seven.
std::string id_of(std::string_view bytes);
std::string secret_of(std::span<const std::byte> bytes);

}  // namespace restored
