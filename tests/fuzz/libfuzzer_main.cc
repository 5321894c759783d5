// What libFuzzer calls. One target a program, so that its coverage is its own.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/log.h"
#include "target.h"

extern "C" {

int LLVMFuzzerInitialize(int*, char***);
int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

int LLVMFuzzerInitialize(int*, char***) {
  restored::fuzz::require(restored::fuzz::targets().size() == 1, "a program has one target");
  restored::log::set_level(restored::log::Level::error);
  return 0;
}

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const restored::fuzz::Target& target = restored::fuzz::targets().front();
  if (size > target.input_bytes_max) return -1;
  target.run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
}
