// restore-bench restore: a seeded database, backed up and restored cold, with a client at work.
#pragma once

#include <CLI/CLI.hpp>

namespace restored::bench {

// Adds the subcommand; its exit status goes to `status` when it has run.
void add_restore_command(CLI::App& app, int& status);

}  // namespace restored::bench
