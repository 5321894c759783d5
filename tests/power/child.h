// Runs something in a process of its own: what it finds may end the process.
#pragma once

#include <functional>
#include <string>

namespace restored::test {

using Say = std::function<void(const std::string&)>;

struct ChildEnd {
  std::string said;
  std::string death;  // empty: it came to its end
};

// REQUIRES: this process has one thread.
ChildEnd in_child(const std::function<void(const Say& say)>& work, int seconds_max);

}  // namespace restored::test
