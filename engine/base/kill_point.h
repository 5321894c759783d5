// Named places at which a test may kill the process with SIGKILL, to see what a crash leaves there.
// Compiled into every build; without RESTORED_KILL_POINT in the environment a place costs one load.
//
//   RESTORED_KILL_POINT=<name>[:<count>]   dies when the place is reached for the count-th time (1)
//
// A place lies beside the step that makes it interesting: "before-x" when x has not begun,
// "after-x" when x is durable. Every name stands in the table in kill_point.cc; tests walk through
// all of them, and a name that is not in the table is a failed check.
// Threading: any thread.
#pragma once

#include <atomic>
#include <span>
#include <string_view>

namespace restored {

namespace kill_point_detail {
extern std::atomic<bool> armed;
void reached(std::string_view name);
}  // namespace kill_point_detail

inline void kill_point(std::string_view name) {
  // Relaxed: arming happens before the threads that pass here start, or in the environment.
  if (kill_point_detail::armed.load(std::memory_order_relaxed)) [[unlikely]]
    kill_point_detail::reached(name);
}

// All names, in the order in which operations pass them: <module>.<operation>.<place>.
std::span<const std::string_view> kill_points();

}  // namespace restored
