// Assertions for our own mistakes, on in every build: a broken invariant must not go on to touch
// data. The world's mistakes are Results.
#pragma once

namespace restored {

[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               const char* reason);

}  // namespace restored

#define RESTORED_CHECK(condition, reason)                               \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::restored::check_failed(#condition, __FILE__, __LINE__, reason); \
  } while (false)
