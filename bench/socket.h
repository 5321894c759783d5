// The few socket calls that a bench makes itself.
#pragma once

#include <sys/un.h>

#include <cstdint>
#include <string>

#include "base/unique_fd.h"
#include "net/http_client.h"
#include "restored/error.h"

namespace restored::bench {

// A blocking connection without Nagle's delay. Errors: connection_failed.
Result<UniqueFd> connect_to(const net::Endpoint& endpoint);

inline constexpr std::size_t unix_path_bytes_max = sizeof(::sockaddr_un::sun_path) - 1;
// A blocking connection over a unix socket. Errors: connection_failed.
Result<UniqueFd> connect_to_path(const std::string& path);

// On loopback, on a port that was free; which one goes to `port`. Errors: connection_failed.
Result<UniqueFd> listen_on_loopback(std::uint16_t& port);

}  // namespace restored::bench
