// The part of a memory budget's arena that a ring has registered as fixed buffers: the kernel
// looks the pages up once instead of at every request. Registered piece by piece, when a request
// first touches a piece, so that light use costs little; let go as a whole when the ring is idle.
// For the ring queue alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/memory_budget.h"

struct io_uring;

namespace restored::io {

// Threading: the ring's thread, but for usable().
class RegisteredArena {
 public:
  explicit RegisteredArena(MemoryBudget* memory);

  struct Piece {
    int index = 0;          // of the fixed buffer
    std::size_t bytes = 0;  // from the memory's begin to the end of the fixed buffer
  };
  // Nothing when the memory is not of the arena or the kernel does not take it.
  std::optional<Piece> find(std::span<const std::byte> memory, ::io_uring& ring);
  // REQUIRES: no request with a piece is with the kernel.
  void let_go(::io_uring& ring);

  bool holds() const { return static_cast<bool>(pin_); }
  // Whether requests with the arena's memory use, or would use, fixed buffers. Any thread.
  bool usable() const { return !refused_; }

 private:
  bool open_table(::io_uring& ring);
  bool add(std::size_t index, ::io_uring& ring);
  void refuse(int error);

  MemoryBudget* const memory_;
  std::size_t piece_bytes_ = 0;
  std::vector<bool> present_;
  ArenaPin pin_;  // held while any piece is registered
  std::atomic<bool> refused_;
};

}  // namespace restored::io
