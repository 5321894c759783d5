// One writer of one database: transactions over one lasting connection until the agent is gone.
#pragma once

#include <cstdint>
#include <string>

#include "world.h"

namespace restored::crash_test {

// Returns when the connection is lost, or the world rests. A command that fails is wrong: nothing
// that the agent does while it lives may cost a client that.
void write_until_gone(World& world, Loaded& database, std::size_t writer,
                      system_test::RedisClient client, std::uint64_t seed);

}  // namespace restored::crash_test
