#pragma once

#include <CLI/CLI.hpp>

namespace restored::bench {

// restore-bench encryption: backups and restores with and without a key, in pairs.
void add_encryption_command(CLI::App& app, int& status);

}  // namespace restored::bench
