#include <fmt/format.h>

#include <algorithm>

#include "net/http_client.h"

namespace restored::net {
namespace {

// An IPv6 address is the only host with a colon in it.
std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

char lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

}  // namespace

std::string Endpoint::text() const {
  return fmt::format("{}:{}", bracketed(host), port);
}

std::string Endpoint::authority() const {
  return port == (tls ? 443 : 80) ? bracketed(host) : text();
}

std::string_view ResponseHead::header(std::string_view name) const {
  for (const auto& [one, value] : headers) {
    if (std::ranges::equal(one, name, {}, lower, lower)) return value;
  }
  return {};
}

}  // namespace restored::net
