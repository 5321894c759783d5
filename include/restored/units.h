// Sizes and times. Byte counts are std::uint64_t and end in _bytes; wall-clock times are
// milliseconds since the Unix epoch (UnixMillis).
#pragma once

#include <cstdint>

namespace restored {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;
inline constexpr std::uint64_t kGiB = 1024 * kMiB;

using UnixMillis = std::int64_t;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + step - 1) / step * step;
}

}  // namespace restored
