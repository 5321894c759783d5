// restore-bench pipeline: seeded files through upload() and fetch(), without a database.
#pragma once

#include <CLI/CLI.hpp>

namespace restored::bench {

// Adds the subcommand; its exit status goes to `status` when it has run.
void add_pipeline_command(CLI::App& app, int& status);

}  // namespace restored::bench
