// The few socket calls that a bench makes itself.
#pragma once

#include <cstdint>

#include "base/unique_fd.h"
#include "net/http_client.h"
#include "restored/error.h"

namespace restored::bench {

// A blocking connection without Nagle's delay. Errors: connection_failed.
Result<UniqueFd> connect_to(const net::Endpoint& endpoint);

// On loopback, on a port that was free; which one goes to `port`. Errors: connection_failed.
Result<UniqueFd> listen_on_loopback(std::uint16_t& port);

}  // namespace restored::bench
