// Limits on bandwidth as people type them: "100MiB", "100MiB/s", "none".
#pragma once

#include <cstdint>
#include <string>

#include "agent.h"
#include "failure.h"

namespace restored::ctl {

// Bytes a second; 0 for "none". Errors: invalid_argument.
Result<std::uint64_t> parse_rate(const std::string& text);

// Gives a running operation its limit. One that has ended needs none: no error then.
Outcome limit_begun(const Agent& agent, const std::string& operation, std::uint64_t rate);

}  // namespace restored::ctl
