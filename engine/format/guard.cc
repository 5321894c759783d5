#include "format/guard.h"

#include <cstdint>

#include "format/hash.h"
#include "format/little_endian.h"

namespace restored::format {
namespace {

// Skippable frames have magics from 0x184D2A50 to 0x184D2A5F; the seek table's is ...5E.
constexpr std::uint32_t magic = 0x184D2A5A;
constexpr std::uint32_t payload_bytes = 8;
static_assert(guard_bytes == sizeof magic + sizeof payload_bytes + payload_bytes);

}  // namespace

void write_guard(std::span<const std::byte> guarded, std::span<std::byte> into) {
  store_little_endian(into.subspan(0, 4), magic);
  store_little_endian(into.subspan(4, 4), payload_bytes);
  store_little_endian(into.subspan(8, 8), hash64(guarded, 0));
}

bool guard_fits(std::span<const std::byte> guarded, std::span<const std::byte> guard) {
  return load_little_endian<std::uint32_t>(guard.data()) == magic &&
         load_little_endian<std::uint32_t>(guard.data() + 4) == payload_bytes &&
         load_little_endian<std::uint64_t>(guard.data() + 8) == hash64(guarded, 0);
}

}  // namespace restored::format
