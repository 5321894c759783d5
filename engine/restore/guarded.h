// Where exceptions of libraries end (we throw none): they become errors of the work that met them.
#pragma once

#include <exception>

#include "restored/error.h"

namespace restored::restore {

// Work() answers a Result<void>. Errors: its own; internal for what it throws.
template <class Work>
Result<void> guarded(const Work& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    return fail(ErrorCode::internal, error.what());
  } catch (...) {
    return fail(ErrorCode::internal, "unknown exception");
  }
}

}  // namespace restored::restore
