// A guard: 16 bytes that hold the hash of other bytes, as a skippable frame, so that zstd passes
// over it. It follows each zstd frame and precedes the seek table, and makes every stored byte of
// an object count: zstd ignores a few bits, a match at another distance may give the same
// content, and nobody else sums the seek table.
//   magic 0x184D2A5A 4 | payload bytes (8) 4 | XXH3-64 of the guarded bytes 8
#pragma once

#include <cstddef>
#include <span>

namespace restored::format {

inline constexpr std::size_t guard_bytes = 16;

// REQUIRES: into.size() == guard_bytes.
void write_guard(std::span<const std::byte> guarded, std::span<std::byte> into);
// REQUIRES: guard.size() == guard_bytes.
bool guard_fits(std::span<const std::byte> guarded, std::span<const std::byte> guard);

}  // namespace restored::format
