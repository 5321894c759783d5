// Space that accepted restores will still write: two of them must not count on the same free
// bytes.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "base/mutex.h"

namespace restored::restore {

class SpaceLedger;

// Move-only; its destructor gives the space back.
class SpaceReservation {
 public:
  SpaceReservation() = default;
  SpaceReservation(SpaceReservation&& other) noexcept
      : ledger_(std::exchange(other.ledger_, nullptr)), key_(other.key_) {}
  SpaceReservation& operator=(SpaceReservation&& other) noexcept;
  ~SpaceReservation() { release(); }
  void release() noexcept;

  // What was written has left the free space and needs no reservation any more.
  void note_written(std::uint64_t bytes) noexcept;

 private:
  friend class SpaceLedger;
  SpaceReservation(SpaceLedger* ledger, std::uint64_t key) : ledger_(ledger), key_(key) {}
  SpaceLedger* ledger_ = nullptr;
  std::uint64_t key_ = 0;
};

class SpaceLedger {
 public:
  // Reserve first, look at the free space then: of two that do not fit together, at least one
  // sees the other.
  SpaceReservation reserve(std::uint64_t bytes);
  std::uint64_t reserved_bytes() const;

 private:
  friend class SpaceReservation;
  mutable Mutex mutex_;
  std::uint64_t next_ GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, std::uint64_t> left_ GUARDED_BY(mutex_);
};

}  // namespace restored::restore
