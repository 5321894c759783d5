// Numbers that the environment gives a test: its seed, how long it runs.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace restored::test {

// Zero when the variable is not set.
inline std::uint64_t number_of(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
}

}  // namespace restored::test
