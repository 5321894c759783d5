// HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869) for one block of output.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace restored::seal {

using Hash = std::array<std::byte, 32>;

Hash hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> message);

// The first 32 bytes of HKDF's output, without a salt: the input is uniformly random already.
// Written into `into`, so that a secret is in the caller's memory alone.
void hkdf_sha256(std::span<const std::byte> input, std::string_view info,
                 std::span<std::byte, 32> into);

}  // namespace restored::seal
