#pragma once

#include <cstdint>
#include <string>

#include "world.h"

namespace restored::soak_test {

inline constexpr std::uint64_t ballast_keys = 8192;
inline constexpr std::uint64_t ballast_value_bytes = 2048;

// Writes ballast, a batch after the other with pauses, until the world rests.
void write_ballast(crash_test::World& world, const std::string& database,
                   system_test::RedisClient client, std::uint64_t seed);

}  // namespace restored::soak_test
