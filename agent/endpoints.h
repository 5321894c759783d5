// What the configuration means for the two servers: addresses, groups, what clients are told.
#pragma once

#include <cstdint>
#include <string>

#include "config/config.h"
#include "control/server.h"
#include "data/server.h"
#include "restored/error.h"

namespace restored::agent {

data::DataOptions data_options(const Config& config);

// `data_port`: where the data plane listens by now.
// Errors: invalid_configuration (data.advertise is not HOST:PORT).
Result<control::ControlOptions> control_options(const Config& config, std::uint16_t data_port);

// The address that connection strings name: data.advertise if set; else the host of data.listen
// (this host's name when it listens on all addresses) with `data_port`.
Result<control::DataEndpoint> advertised_endpoint(const Config& config, std::uint16_t data_port);

}  // namespace restored::agent
