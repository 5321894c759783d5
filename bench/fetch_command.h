// restore-bench fetch: the fetch path of a restore from S3 alone, beside a plain download.
#pragma once

#include <CLI/CLI.hpp>

namespace restored::bench {

// Adds the subcommand; its exit status goes to `status` when it has run.
void add_fetch_command(CLI::App& app, int& status);

}  // namespace restored::bench
