// A wait that a stop ends.
#pragma once

#include <chrono>
#include <stop_token>

namespace restored {

// Waits so long, or until it is stopped. False: stopped.
bool pause(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace restored
