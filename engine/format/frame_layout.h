// The frame index's layout. For this folder's .cc files only.
#pragma once

#include <cstdint>
#include <string>

namespace restored::format {

inline constexpr std::uint64_t frame_index_header_bytes = 16;
inline constexpr std::uint64_t frame_entry_bytes = 12;

std::string frame_index_header(std::uint32_t version);

}  // namespace restored::format
