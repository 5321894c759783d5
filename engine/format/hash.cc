#include "format/hash.h"

#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
// Chooses SSE2, AVX2 or AVX-512 at run time: 32 GB/s instead of 13 with the baseline build of the
// distribution's library. The results are the same.
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include <cstring>

#include "base/hex.h"
#include "format/frame.h"

namespace restored::format {
namespace {

// The dispatcher fills its table on the first call, without a lock: make that call here, before
// there are threads.
[[maybe_unused]] const auto dispatch_table_filled =
    (XXH3_64bits(nullptr, 0), XXH3_128bits(nullptr, 0).low64);

}  // namespace

std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

Hash128 hash128(std::span<const std::byte> bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  Hash128 hash;
  static_assert(sizeof canonical.digest == sizeof hash);
  std::memcpy(hash.data(), canonical.digest, sizeof hash);
  return hash;
}

std::string hash128_hex(std::span<const std::byte> bytes) {
  return to_hex(hash128(bytes));
}

std::uint32_t seek_table_sum(std::span<const std::byte> content) {
  return static_cast<std::uint32_t>(XXH64(content.data(), content.size(), 0));
}

}  // namespace restored::format
