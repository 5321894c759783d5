#include "address.h"

#include <fmt/core.h>

#include <algorithm>

namespace restored::ctl {
namespace {

// sockaddr_un::sun_path, with its terminating zero.
constexpr std::size_t unix_path_bytes_max = 107;

std::unexpected<Error> refuse(std::string_view text, std::string_view why) {
  return fail(ErrorCode::invalid_argument, fmt::format("--control {}: {}", text, why),
              "Write --control unix:PATH or --control tcp:HOST:PORT.");
}

Result<Address> parse_unix(std::string_view text, std::string_view path) {
  if (path.empty()) return refuse(text, "the path is missing");
  if (path.size() > unix_path_bytes_max) {
    return refuse(text, fmt::format("a socket's path has at most {} bytes", unix_path_bytes_max));
  }
  return UnixAddress{std::string(path)};
}

Result<Address> parse_tcp(std::string_view text, std::string_view rest) {
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos) return refuse(text, "the port is missing");
  std::string_view host = rest.substr(0, colon);
  const std::string_view port = rest.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refuse(text, "an IPv6 address stands in brackets");
  }
  const bool digits = std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  if (host.empty()) return refuse(text, "the host is missing");
  if (port.empty() || port.size() > 5 || !digits || std::stoi(std::string(port)) > 65535) {
    return refuse(text, "the port is not a number from 1 to 65535");
  }
  return TcpAddress{std::string(host), std::string(port)};
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text, text.substr(5));
  if (text.starts_with("/")) return parse_unix(text, text);
  if (text.starts_with("tcp:")) return parse_tcp(text, text.substr(4));
  return refuse(text, "it begins with neither unix: nor tcp:");
}

std::string to_text(const Address& address) {
  if (const auto* local = std::get_if<UnixAddress>(&address)) return "unix:" + local->path;
  const auto& remote = std::get<TcpAddress>(address);
  const bool brackets = remote.host.find(':') != std::string::npos;
  return fmt::format("tcp:{}{}{}:{}", brackets ? "[" : "", remote.host, brackets ? "]" : "",
                     remote.port);
}

}  // namespace restored::ctl
