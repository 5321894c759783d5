#include "net/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/check.h"

namespace restored::net {
namespace {

// A line break in a header would be a header of its own.
bool plain(std::string_view text) {
  return std::ranges::none_of(text, [](char one) {
    return (static_cast<unsigned char>(one) < 0x20 && one != '\t') || one == 0x7f;
  });
}

// Never tells a value: it may be a signature.
std::string wrong_part(const Request& request) {
  if (request.method.empty() || !plain(request.method)) return "method";
  const bool spaced = request.target.find(' ') != std::string::npos;
  if (request.target.empty() || spaced || !plain(request.target)) return "target";
  for (const auto& [name, value] : request.headers) {
    if (name.empty() || !plain(name)) return "name of a header";
    if (!plain(value)) return "header " + name;
  }
  return "";
}

}  // namespace

std::optional<Failure> objection(const Request& request) {
  const std::string part = wrong_part(request);
  if (part.empty()) return std::nullopt;
  return Failure{Failure::Kind::malformed,
                 fmt::format("the request's {} is empty or has a control character", part)};
}

std::string head_text(const Request& request, std::size_t more) {
  constexpr std::size_t fixed_bytes = 64;  // what is added here, a length among it
  std::size_t bytes = request.method.size() + request.target.size() + fixed_bytes + more;
  for (const auto& [name, value] : request.headers) bytes += name.size() + value.size() + 4;
  std::string text;
  text.reserve(bytes);
  text.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  for (const auto& [name, value] : request.headers) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
  if (!request.body.empty() || request.method == "PUT" || request.method == "POST") {
    text += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  text += "\r\n";
  RESTORED_CHECK(text.size() + more <= bytes, "the head has the room that it takes");
  return text;
}

}  // namespace restored::net
