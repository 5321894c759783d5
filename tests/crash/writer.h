// One writer of one database: transactions over one lasting connection until the agent is gone.
#pragma once

#include <cstdint>
#include <string>

#include "world.h"

namespace restored::crash_test {

// Returns when the connection is lost. A password that is refused, or a command that fails, is
// wrong: nothing that the agent does while it lives may cost a client that.
void write_until_gone(World& world, Loaded& database, std::size_t writer,
                      const std::string& password, int port, std::uint64_t seed);

}  // namespace restored::crash_test
