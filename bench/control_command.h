// restore-bench control: how long requests to the control socket take while a restore runs.
#pragma once

#include <CLI/CLI.hpp>

namespace restored::bench {

void add_control_command(CLI::App& app, int& status);

}  // namespace restored::bench
