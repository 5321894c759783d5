#include "control/request_rate.h"

#include <algorithm>
#include <utility>

#include "control/refusals.h"
#include "restored/limits.h"

namespace restored::control {
namespace {

// With more buckets than this, those that are full again are forgotten.
constexpr std::size_t buckets_kept = 256;

}  // namespace

bool Bucket::take(double per_second, double burst, Time now) {
  if (!at_) {
    level_ = burst;
    at_ = now;
  }
  const double seconds = std::chrono::duration<double>(std::max(now - *at_, {})).count();
  level_ = std::min(burst, level_ + seconds * per_second);
  at_ = std::max(*at_, now);
  if (level_ < 1) return false;
  level_ -= 1;
  return true;
}

bool RequestRate::take(const TokenId& token, Bucket::Time now) {
  if (per_second_ == 0) return true;
  const MutexLock lock(mutex_);
  if (accounts_.size() >= buckets_kept && !accounts_.contains(token)) {
    // After a second without a request a bucket is full: as good as none.
    std::erase_if(accounts_, [now](const auto& account) {
      return now - account.second.used > std::chrono::seconds(1);
    });
  }
  Account& account = accounts_[token];
  account.used = now;
  return account.bucket.take(per_second_, per_second_, now);
}

std::size_t RequestRate::buckets() const {
  const MutexLock lock(mutex_);
  return accounts_.size();
}

std::optional<std::uint64_t> Refusals::take() {
  constexpr double per_minute = limits::audit_refused_per_minute;
  const MutexLock lock(mutex_);
  if (bucket_.take(per_minute / 60, per_minute, std::chrono::steady_clock::now())) {
    return std::exchange(unrecorded_, 0);
  }
  ++unrecorded_;
  return std::nullopt;
}

void Refusals::give_back(std::uint64_t count) {
  const MutexLock lock(mutex_);
  unrecorded_ += count;
}

}  // namespace restored::control
