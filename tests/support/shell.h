// A command line as a person would type it, for tools that we did not write.
#pragma once

#include <string>

namespace restored::test {

struct Shown {
  int status = -1;   // exit status; -1: a signal, or it could not be started
  std::string text;  // standard output and standard error, as they came
};

// Waits for its end: a command that may hang begins with timeout(1).
Shown shell(const std::string& command);

}  // namespace restored::test
