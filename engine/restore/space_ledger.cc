#include "restore/space_ledger.h"

#include <algorithm>

namespace restored::restore {

SpaceReservation& SpaceReservation::operator=(SpaceReservation&& other) noexcept {
  if (this != &other) {
    release();
    ledger_ = std::exchange(other.ledger_, nullptr);
    key_ = other.key_;
  }
  return *this;
}

void SpaceReservation::release() noexcept {
  if (ledger_ == nullptr) return;
  SpaceLedger& ledger = *std::exchange(ledger_, nullptr);
  const MutexLock lock(ledger.mutex_);
  ledger.left_.erase(key_);
}

void SpaceReservation::note_written(std::uint64_t bytes) noexcept {
  if (ledger_ == nullptr) return;
  const MutexLock lock(ledger_->mutex_);
  std::uint64_t& left = ledger_->left_.at(key_);
  left -= std::min(left, bytes);
}

SpaceReservation SpaceLedger::reserve(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  const std::uint64_t key = next_++;
  left_.emplace(key, bytes);
  return {this, key};
}

std::uint64_t SpaceLedger::reserved_bytes() const {
  const MutexLock lock(mutex_);
  std::uint64_t sum = 0;
  for (const auto& [key, left] : left_) sum += left;
  return sum;
}

}  // namespace restored::restore
