// A fixed amount of page-aligned memory that is handed out as move-only leases: who holds no
// lease has no memory, and waiting for a lease is the backpressure of the whole pipeline.
// Not a general allocator: leases are few and large (a range's stored and content bytes).
// First fit from the low end, so light use touches few pages.
//
// Never take a second lease while holding one: two such holders would wait for each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <utility>

#include "restored/error.h"

namespace restored {

class MemoryBudget;

class MemoryLease {
 public:
  MemoryLease() = default;
  MemoryLease(MemoryLease&& other) noexcept;
  MemoryLease& operator=(MemoryLease&& other) noexcept;
  ~MemoryLease() { release(); }

  std::span<std::byte> bytes() const { return bytes_; }  // aligned to limits::io_alignment
  explicit operator bool() const { return budget_ != nullptr; }
  void release() noexcept;

 private:
  friend class MemoryBudget;
  MemoryLease(MemoryBudget* budget, std::span<std::byte> bytes) : budget_(budget), bytes_(bytes) {}

  MemoryBudget* budget_ = nullptr;
  std::span<std::byte> bytes_;
};

// While one is held the arena's pages stay where they are: a ring that registered them writes to
// those very pages, and not to the ones that would replace them after a trim().
class ArenaPin {
 public:
  ArenaPin() = default;
  ArenaPin(ArenaPin&& other) noexcept : budget_(std::exchange(other.budget_, nullptr)) {}
  ArenaPin& operator=(ArenaPin&& other) noexcept;
  ~ArenaPin() { release(); }

  explicit operator bool() const { return budget_ != nullptr; }
  void release() noexcept;

 private:
  friend class MemoryBudget;
  explicit ArenaPin(MemoryBudget* budget) : budget_(budget) {}

  MemoryBudget* budget_ = nullptr;
};

// Threading: all methods may be called from any thread at once. Outlives its leases and pins
// (checked).
class MemoryBudget {
 public:
  // Reserves address space only; pages are touched by use and given back by trim().
  // Errors: no_space (the kernel refuses the mapping).
  static Result<std::unique_ptr<MemoryBudget>> make(std::uint64_t budget_bytes);
  ~MemoryBudget();
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // Waits in order of arrival until `bytes` contiguous bytes are free. Errors: cancelled;
  // invalid_argument when bytes is zero or more than the budget.
  Result<MemoryLease> acquire(std::uint64_t bytes, std::stop_token stop);

  // Gives the pages back to the kernel: now, or as soon as the last lease and pin have ended. An
  // operation calls it at its end; a busy pipeline never pays for the gaps between its leases.
  void trim();
  ArenaPin pin();

  std::uint64_t budget_bytes() const;
  std::uint64_t in_use_bytes() const;
  std::uint64_t peak_bytes() const;
  // All memory that leases come from, for registration with a ring.
  std::span<std::byte> arena() const;

 private:
  friend class MemoryLease;
  friend class ArenaPin;
  struct State;
  explicit MemoryBudget(std::unique_ptr<State> state);
  void give_back(std::span<std::byte> bytes) noexcept;
  void unpin() noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace restored
