#include "byte_size.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <utility>

#include "restored/units.h"

namespace restored::bench {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 4> units{
    {{"GiB", kGiB}, {"MiB", kMiB}, {"KiB", kKiB}, {"B", 1}}};

}  // namespace

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
  std::uint64_t factor = 1;
  for (const auto& [name, bytes] : units) {
    if (!text.ends_with(name)) continue;
    text.remove_suffix(name.size());
    factor = bytes;
    break;
  }
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0) return {};
  return static_cast<std::uint64_t>(number * static_cast<double>(factor));
}

std::string byte_size_text(std::uint64_t bytes) {
  for (const auto& [name, unit] : units) {
    if (bytes >= unit && unit > 1) {
      return fmt::format("{:.2f} {}", static_cast<double>(bytes) / static_cast<double>(unit), name);
    }
  }
  return fmt::format("{} B", bytes);
}

}  // namespace restored::bench
