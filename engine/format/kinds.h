// The versions of the format, and the kinds of its documents.
#pragma once

#include <cstdint>
#include <string_view>

namespace restored::format {

inline constexpr std::uint32_t format_version = 1;
// Of what an encrypted repository holds: something of version 1, sealed (sealed.h).
inline constexpr std::uint32_t sealed_format_version = 2;

inline constexpr std::string_view manifest_kind = "manifest";
inline constexpr std::string_view summary_kind = "summary";
inline constexpr std::string_view repository_kind = "repository";
inline constexpr std::string_view contents_kind = "contents";
inline constexpr std::string_view damage_kind = "damage";

}  // namespace restored::format
