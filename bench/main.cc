// restore-bench: measures restores beside what the machine could do at best. One file a subcommand.
#include <CLI/CLI.hpp>
#include <exception>

#include "base/log.h"
#include "control_command.h"
#include "encryption_command.h"
#include "fetch_command.h"
#include "pipeline_command.h"
#include "restore_command.h"

int main(int argc, char** argv) {
  CLI::App app("Measures restores beside the ceilings of the machine.", "restore-bench");
  app.require_subcommand(1);
  int status = 0;
  restored::log::set_level(restored::log::Level::warning);
  restored::bench::add_control_command(app, status);
  restored::bench::add_encryption_command(app, status);
  restored::bench::add_fetch_command(app, status);
  restored::bench::add_pipeline_command(app, status);
  restored::bench::add_restore_command(app, status);
  CLI11_PARSE(app, argc, argv);
  return status;
}
