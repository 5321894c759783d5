// Runs restorectl as a child process, with pipes or on a terminal of its own.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace restored::ctl_test {

struct Ended {
  int status = -1;     // exit status; -1: a signal, or it had to be killed after the deadline
  std::string output;  // on a terminal: everything that was shown
  std::string errors;
};

using Environment = std::map<std::string, std::string>;

// Only the named environment variables and PATH are set; standard input is empty. Standard output
// goes to the file `output_path` when there is one.
Ended run(const std::vector<std::string>& arguments, const Environment& environment = {},
          const char* output_path = nullptr);

// On a terminal of 100 columns. When `cue` has been shown, `keys` are typed ("\x03" is Ctrl-C).
Ended run_on_terminal(const std::vector<std::string>& arguments, const std::string& cue,
                      const std::string& keys);

}  // namespace restored::ctl_test
