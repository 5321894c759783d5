// Where the agent listens: "unix:PATH", a bare absolute path, or "tcp:HOST:PORT".
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "restored/error.h"

namespace restored::ctl {

struct UnixAddress {
  std::string path;
};
struct TcpAddress {
  std::string host;  // a name or an address; IPv6 without its brackets
  std::string port;
};
using Address = std::variant<UnixAddress, TcpAddress>;

inline constexpr std::string_view default_control = "unix:/run/restored/control.sock";

// Errors: invalid_argument.
Result<Address> parse_address(std::string_view text);
std::string to_text(const Address& address);

}  // namespace restored::ctl
