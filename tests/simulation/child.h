// Runs a function in a forked process, which a simulation needs one of: it never comes back from
// one, and starts from the same memory each time.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace restored::simulation {

struct ChildEnd {
  bool answered = false;  // it called answer()
  std::string answer;
  std::string how;  // it ended when it did not: "signal 6 (Aborted)", "time is up"
};

// In the child: hands over the answer and ends the process at once, whatever its threads do.
[[noreturn]] void answer(const std::string& text);

// REQUIRES: the caller has one thread. `work` ends with answer(); a child that takes longer than
// `time` (real) is killed.
ChildEnd in_child(const std::function<void()>& work, std::chrono::seconds time);

// Addresses of memory are the same in every run from here on: starts this program again without
// their randomisation and without caches of threads, once. Call first in main().
void fix_addresses(char** arguments);

}  // namespace restored::simulation
