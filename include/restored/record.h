// The data plane's encoding, version 1: how Redis keys and values stand in a generation.
// Pure functions; implemented in engine/base because catalog (expiry in compaction) and the data
// plane both need it.
//
// A generation's keys:
//   'k' <user key>                                            one metadata record per user key
//   's' <varint length><user key><8 bytes version><sub key>   reserved: elements of collections
// A metadata record (value of a 'k' key):
//   byte 0   type (high nibble) and flags (low nibble; bit 0: has an expiry)
//   [8 bytes expiry, milliseconds since the epoch, big endian]  only with that flag
//   string:      the value's bytes follow
//   collections: [8 bytes version][8 bytes size] follow (reserved; the version makes the elements
//                of an overwritten collection unreachable at once)
// Nothing else stands in a generation, so a content hash over its records is one over its data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "restored/error.h"
#include "restored/units.h"

namespace restored::record {

inline constexpr std::uint32_t encoding_version = 1;
inline constexpr char metadata_prefix = 'k';
inline constexpr char element_prefix = 's';

enum class Type : std::uint8_t { string = 1, hash = 2, list = 3, set = 4, zset = 5, stream = 6 };

std::string metadata_key(std::string_view user_key);
// Nothing when the raw key is not a metadata key.
std::optional<std::string_view> user_key(std::string_view raw_key);

struct Metadata {
  Type type = Type::string;
  std::optional<UnixMillis> expires_at;
  std::string_view payload;  // points into the parsed record
};

std::string encode(Type type, std::optional<UnixMillis> expires_at, std::string_view payload);
// Errors: corruption (empty, unknown type or flag, cut short).
Result<Metadata> decode(std::string_view record);

inline bool expired(const Metadata& metadata, UnixMillis now) {
  return metadata.expires_at && *metadata.expires_at <= now;
}

}  // namespace restored::record
