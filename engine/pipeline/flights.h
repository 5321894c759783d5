// Ranges on their way from the store to their file. A flight is a slot of a fixed table plus,
// once acquired, one memory lease for the range's stored and content bytes together; both are
// given back when the last hold on the flight ends, which is when the last of its content has
// been written. That bounds requests, memory and open files of a run whatever its size.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <utility>

#include "base/memory_budget.h"
#include "base/mutex.h"
#include "pipeline/plan.h"
#include "restored/error.h"
#include "restored/limits.h"

namespace restored::pipeline {

class Flights;

struct Flight {
  Range range;
  const FetchFile* file = nullptr;
  // What is read from the object: the range, widened to limits::io_alignment within the object,
  // so that a driver can read straight into the lease.
  std::uint64_t read_offset = 0;
  std::span<std::byte> read_into;
  std::span<std::byte> stored;   // the range's part of it
  std::span<std::byte> table;    // the object's seek table, or nothing
  std::span<std::byte> content;  // padded to limits::io_alignment

  // Acquires the lease and lays the spans out in it. Errors: cancelled, invalid_argument (a
  // budget smaller than the range).
  Result<void> acquire_memory(MemoryBudget& budget, std::stop_token stop);

 private:
  friend class Flights;
  friend class FlightHold;
  Flights* owner_ = nullptr;
  MemoryLease lease_;
  std::atomic<unsigned> holds_{0};
};

// Permission to use a flight; move-only.
class FlightHold {
 public:
  FlightHold() = default;
  FlightHold(FlightHold&& other) noexcept : flight_(std::exchange(other.flight_, nullptr)) {}
  FlightHold& operator=(FlightHold&& other) noexcept;
  ~FlightHold() { reset(); }

  Flight& operator*() const { return *flight_; }
  Flight* operator->() const { return flight_; }
  FlightHold share() const;
  void reset() noexcept;

  // For a completion that must be copyable: exactly one adopt() follows.
  Flight* detach() { return std::exchange(flight_, nullptr); }
  static FlightHold adopt(Flight* flight) { return FlightHold(flight); }

 private:
  friend class Flights;
  explicit FlightHold(Flight* flight) : flight_(flight) {}
  Flight* flight_ = nullptr;
};

// Threading: all methods may be called from any thread at once.
class Flights {
 public:
  // REQUIRES: check_files(files) passed; the files outlive it.
  explicit Flights(std::span<const FetchFile> files);
  ~Flights();
  Flights(const Flights&) = delete;
  Flights& operator=(const Flights&) = delete;

  // Waits for a free slot, and for fewer than limits::target_files_open_max files under way when
  // the range begins a file. Nothing at the end of the plan. Errors: cancelled.
  Result<std::optional<FlightHold>> take(std::stop_token stop);
  // The file of an earlier take() needs no more attention.
  void file_done();
  // Until every hold ended; takes no stop token because the kernel's requests always end.
  void wait_landed();

 private:
  friend class FlightHold;
  void land(Flight& flight) noexcept;

  const std::span<const FetchFile> files_;
  std::array<Flight, limits::ranges_in_flight_max> slots_;
  Mutex mutex_;
  ConditionVariable changed_;
  Plan plan_ GUARDED_BY(mutex_);
  std::array<Flight*, limits::ranges_in_flight_max> free_ GUARDED_BY(mutex_);
  std::size_t free_count_ GUARDED_BY(mutex_) = limits::ranges_in_flight_max;
  std::size_t files_open_ GUARDED_BY(mutex_) = 0;
};

}  // namespace restored::pipeline
