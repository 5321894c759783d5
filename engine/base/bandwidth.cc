#include "base/bandwidth.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace restored {
namespace {

// What an idle second may be made up for at once.
constexpr double burst_seconds = 0.25;

}  // namespace

Bandwidth::Bandwidth(std::uint64_t bytes_per_second, const Clock& clock)
    : clock_(clock), bytes_per_second_(bytes_per_second), refilled_at_(clock.monotonic()) {}

void Bandwidth::set(std::uint64_t bytes_per_second) {
  const MutexLock lock(mutex_);
  refill();
  bytes_per_second_ = bytes_per_second;
  if (bytes_per_second == 0) tokens_ = 0;  // a debt at an old limit is forgiven
  changed_.notify_all();
}

std::uint64_t Bandwidth::get() const {
  const MutexLock lock(mutex_);
  return bytes_per_second_;
}

void Bandwidth::refill() {
  const Time now = clock_.monotonic();
  const double seconds =
      std::chrono::duration<double>(now - std::exchange(refilled_at_, now)).count();
  const auto rate = static_cast<double>(bytes_per_second_);
  tokens_ = std::min(tokens_ + seconds * rate, burst_seconds * rate);
}

void Bandwidth::charge(std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  if (bytes_per_second_ == 0) return;
  refill();
  tokens_ -= static_cast<double>(bytes);
}

Result<void> Bandwidth::take(std::uint64_t bytes, std::stop_token stop) {
  const MutexLock lock(mutex_);
  if (bytes_per_second_ == 0 && waiting_.empty()) return {};
  const std::uint64_t ticket = next_ticket_++;
  waiting_.insert(ticket);
  const auto my_turn = [&]() NO_THREAD_SAFETY_ANALYSIS { return *waiting_.begin() == ticket; };
  bool stopped = !changed_.wait(mutex_, stop, my_turn);
  while (!stopped && bytes_per_second_ != 0) {
    refill();
    if (tokens_ >= 0) {
      tokens_ -= static_cast<double>(bytes);
      break;
    }
    const std::uint64_t rate = bytes_per_second_;
    const std::chrono::duration<double> debt(-tokens_ / static_cast<double>(rate));
    changed_.wait_for(mutex_, stop, debt,
                      [&]() NO_THREAD_SAFETY_ANALYSIS { return bytes_per_second_ != rate; });
    stopped = stop.stop_requested();
  }
  waiting_.erase(ticket);
  changed_.notify_all();
  if (stopped) return fail(ErrorCode::cancelled, "stopped while it waited for bandwidth");
  return {};
}

}  // namespace restored
