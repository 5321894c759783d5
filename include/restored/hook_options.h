// Programs of the operator that operations run, as the configuration names them.
#pragma once

#include <cstdint>
#include <string>

#include "restored/limits.h"

namespace restored {

// Absolute paths; empty: none.
struct HookOptions {
  std::string before_swap;  // of a restore or an undo, which it can veto
  std::string after_swap;   // of either
  std::string failed;       // of every operation
  std::uint64_t seconds = limits::hook_seconds_default;  // then it is killed
};

}  // namespace restored
