#include "data/scan_cursors.h"

#include <utility>

#include "base/random.h"

namespace restored::data {
namespace {

// Clients keep cursors in 64-bit integers, some of them signed ones.
constexpr std::uint64_t cursor_mask = (std::uint64_t{1} << 62) - 1;

}  // namespace

// A random start keeps cursors from before a restart of the agent from meaning other places.
ScanCursors::ScanCursors(std::size_t cursors_max)
    : cursors_max_(cursors_max), next_(random_u64() & cursor_mask) {}

std::uint64_t ScanCursors::remember(std::string last_key, std::uint64_t previous) {
  const MutexLock lock(mutex_);
  next_ = (next_ + 1) & cursor_mask;
  if (next_ == 0) next_ = 1;
  key_bytes_ += last_key.size();
  entries_.push_back({next_, previous, std::move(last_key)});
  by_cursor_[next_] = std::prev(entries_.end());
  while (entries_.size() > 1 && (entries_.size() > cursors_max_ || key_bytes_ > key_bytes_max)) {
    forget(entries_.front().cursor);
  }
  return next_;
}

std::optional<std::string> ScanCursors::last_key(std::uint64_t cursor) {
  const MutexLock lock(mutex_);
  const auto found = by_cursor_.find(cursor);
  if (found == by_cursor_.end()) return std::nullopt;
  const auto entry = found->second;
  forget(std::exchange(entry->previous, 0));
  entries_.splice(entries_.end(), entries_, entry);
  return entry->last_key;
}

void ScanCursors::forget(std::uint64_t cursor) {
  const auto found = by_cursor_.find(cursor);
  if (found == by_cursor_.end()) return;
  key_bytes_ -= found->second->last_key.size();
  entries_.erase(found->second);
  by_cursor_.erase(found);
}

}  // namespace restored::data
