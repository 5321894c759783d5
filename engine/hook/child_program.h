// One program as a child of this process, watched until it is gone: no shell, and nothing of ours
// in it but what it is given.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "restored/error.h"

namespace restored::hook {

struct Program {
  std::string path;                      // absolute
  std::vector<std::string> environment;  // "NAME=value"; there is no other
  std::string input;                     // all of its standard input
  std::chrono::milliseconds time{};      // then its group is told to end, and killed
  std::size_t output_bytes_max = 0;      // what is kept of both its outputs together
};

struct ProgramEnd {
  std::optional<int> exit_status;  // none: it ended by a signal
  int signal = 0;
  bool timed_out = false;
  bool stopped = false;
  double seconds = 0;
  std::string output;  // bytes as they came
};

// Returns when the program has ended and nothing is left of its process group, or soon after its
// time is over or `stop` was triggered. Errors: io_error (it was not started).
// Threading: any thread, each call for itself.
Result<ProgramEnd> run_program(const Program& program, const std::stop_token& stop);

}  // namespace restored::hook
