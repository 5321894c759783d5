#include "target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "format/utf8.h"

namespace restored::fuzz {
namespace {

// A message names a few things, each cut to a length; this is far above the longest of ours.
constexpr std::size_t message_bytes_max = 4096;

std::vector<Target>& registered() {
  static std::vector<Target> all;
  return all;
}

// Those of ASCII, and U+0080 to U+009F: logs and terminals obey both.
bool has_control_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0)
      return true;
  }
  return false;
}

}  // namespace

const std::vector<Target>& targets() {
  return registered();
}

Registration::Registration(const Target& target) {
  registered().push_back(target);
}

void require(bool holds, std::string_view property, std::source_location where) {
  if (holds) return;
  fmt::print(stderr, "does not hold: {}\n  at {}:{}\n", property, where.file_name(), where.line());
  std::fflush(stderr);
  std::abort();
}

bool is_utf8(std::string_view text) {
  return format::to_utf8(text) == text;
}

void require_sound(const Error& error, std::source_location where) {
  const auto show = [&](std::string_view property) {
    return fmt::format("{}: {:?}", property, error.message.substr(0, message_bytes_max));
  };
  require(!facts(error.code).name.empty(), "an error's code stands in the table", where);
  require(!error.message.empty(), "an error says what is wrong", where);
  require(error.message.size() <= message_bytes_max, show("an error's message is bounded"), where);
  require(is_utf8(error.message), show("an error's message is UTF-8"), where);
  require(!has_control_character(error.message),
          show("an error's message has no control characters"), where);
  require(is_utf8(error.hint) && !has_control_character(error.hint),
          "an error's hint is a line of UTF-8", where);
}

}  // namespace restored::fuzz
