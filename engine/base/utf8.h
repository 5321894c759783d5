// UTF-8, because JSON text must be it, and what people and peers give may not be. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace restored {

// Bytes of the well-formed sequence that the text begins with; 0: none, or an empty text.
std::size_t utf8_sequence_bytes(std::string_view text);

// Of the character that the text begins with: those of ASCII, and U+0080 to U+009F, which terminals
// obey too. REQUIRES: utf8_sequence_bytes(text) > 0.
bool is_control_character(std::string_view text);

// The text, each byte that is not part of a well-formed sequence replaced by U+FFFD.
std::string to_utf8(std::string_view text);

// Fit for a line of ours, whoever wrote it: UTF-8, cut at a character's end to so many bytes, with
// spaces for control characters and '?' for bytes that belong to no character.
std::string printable(std::string_view text, std::size_t bytes_max);

}  // namespace restored
