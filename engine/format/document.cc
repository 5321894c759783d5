#include "format/document.h"

#include <fmt/core.h>

#include <charconv>
#include <optional>
#include <span>

#include "format/hash.h"
#include "format/manifest.h"

namespace restored::format {
namespace {

std::string version_part(std::string_view kind) {
  return fmt::format("{{\"restored\":\"{}\",\"version\":", kind);
}

std::string first_line(std::string_view kind, std::string_view body) {
  return fmt::format("{}{},\"bytes\":{},\"xxh3_128\":\"{}\"}}\n", version_part(kind),
                     format_version, body.size(),
                     hash128_hex(std::as_bytes(std::span(body.data(), body.size()))));
}

// A decimal number without sign or leading zeros, followed by anything.
std::optional<std::uint32_t> leading_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || text.front() == '0') return std::nullopt;
  return number;
}

}  // namespace

std::string seal(std::string_view kind, std::string_view body) {
  std::string document = first_line(kind, body);
  document += body;
  return document;
}

Result<std::string_view> unseal(std::string_view kind, std::string_view document,
                                std::uint64_t bytes_max) {
  if (document.size() > bytes_max)
    return fail(ErrorCode::corruption,
                fmt::format("the {} has {} bytes, more than {}", kind, document.size(), bytes_max));
  const std::string begin = version_part(kind);
  if (!document.starts_with(begin))
    return fail(ErrorCode::corruption, fmt::format("this is not a {}", kind));
  const auto version = leading_number(document.substr(begin.size()));
  if (!version)
    return fail(ErrorCode::corruption, fmt::format("the {}'s version is not a number", kind));
  // Whole ones of that version are known by their first line (sealed.h), and do not come here.
  if (*version == sealed_format_version)
    return fail(ErrorCode::corruption,
                fmt::format("the {} says that it is encrypted, but its first line is not whole or "
                            "its length differs",
                            kind));
  if (*version > format_version)
    return fail(ErrorCode::unsupported_format,
                fmt::format("the {} has format version {}, this agent reads up to {}", kind,
                            *version, sealed_format_version));
  const std::size_t line_end = document.find('\n');
  if (line_end == std::string_view::npos)
    return fail(ErrorCode::corruption, fmt::format("the {} has no first line", kind));
  const std::string_view body = document.substr(line_end + 1);
  // One comparison covers every byte: the line is a function of kind and body.
  if (document.substr(0, line_end + 1) != first_line(kind, body))
    return fail(ErrorCode::corruption,
                fmt::format("the {}'s length or hash differs from its first line", kind));
  return body;
}

}  // namespace restored::format
