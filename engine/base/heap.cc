#include "base/heap.h"

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <thread>

namespace restored {
namespace {

constexpr unsigned arenas_min = 4;
constexpr std::size_t free_bytes_kept = std::size_t{32} << 20;

}  // namespace

void bound_heap_arenas() {
  const unsigned arenas = std::max(arenas_min, 2 * std::thread::hardware_concurrency());
  ::mallopt(M_ARENA_MAX, static_cast<int>(arenas));
}

void give_back_heap() {
  if (::mallinfo2().fordblks > free_bytes_kept) ::malloc_trim(0);
}

}  // namespace restored
