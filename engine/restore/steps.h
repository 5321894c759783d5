// The named moments of the engine's operations. Each is a kill point (base/kill_point.h, which
// lists them all); tests of this process can also hold or watch an operation there.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "base/kill_point.h"

namespace restored::restore {

// Threading: any thread at once; the hook is fixed from the start.
class StepHook {
 public:
  StepHook() = default;
  explicit StepHook(std::function<void(std::string_view)> hook) : hook_(std::move(hook)) {}
  void operator()(std::string_view step) const {
    kill_point(step);
    if (hook_) hook_(step);
  }

 private:
  std::function<void(std::string_view)> hook_;
};

}  // namespace restored::restore
