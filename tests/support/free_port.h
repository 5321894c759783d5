#pragma once

#include <cstdint>

namespace restored::test {

// A TCP port of the loopback device that nobody has, for a server that takes it at once, and again
// after each restart: it is below those that the kernel gives to clients, so that no connection of
// a test that runs beside gets it meanwhile, and below those of the S3 gateway.
std::uint16_t free_port();

}  // namespace restored::test
