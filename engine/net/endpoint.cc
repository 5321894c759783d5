#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>

#include "base/ascii.h"
#include "net/http_client.h"

namespace restored::net {
namespace {

// An IPv6 address is the only host with a colon in it.
std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

}  // namespace

std::string Endpoint::text() const {
  return fmt::format("{}:{}", bracketed(host), port);
}

std::string Endpoint::authority() const {
  return port == (tls ? 443 : 80) ? bracketed(host) : text();
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string_view ResponseHead::header(std::string_view name) const {
  for (const auto& [one, value] : headers) {
    if (ascii_same(one, name)) return value;
  }
  return {};
}

}  // namespace restored::net
