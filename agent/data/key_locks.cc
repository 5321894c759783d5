#include "data/key_locks.h"

#include <sched.h>

#include <algorithm>

#include "base/check.h"

namespace restored::data {
namespace {

// Locks are held for microseconds as a rule, which is less than it costs to leave and come back.
constexpr int spins_max = 64;
constexpr int yields_max = 4;

template <class Try>
bool spin(Try attempt) {
  for (int i = 0; i < spins_max; ++i) {
    if (attempt()) return true;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  for (int i = 0; i < yields_max; ++i) {
    sched_yield();
    if (attempt()) return true;
  }
  return false;
}

void call_all(std::vector<std::function<void()>>& waiters) {
  for (auto& resume : waiters) resume();
}

std::uint16_t stripe_of(std::string_view key) {
  return static_cast<std::uint16_t>(std::hash<std::string_view>{}(key) % KeyLocks::stripe_count);
}

}  // namespace

KeyLocks::Hold& KeyLocks::Hold::operator=(Hold&& other) noexcept {
  if (this == &other) return *this;
  release();
  locks_ = std::exchange(other.locks_, nullptr);
  mode_ = std::exchange(other.mode_, Mode::none);
  stripes_ = std::exchange(other.stripes_, std::uint16_t{0});
  stripe_ = other.stripe_;
  return *this;
}

void KeyLocks::Hold::release() noexcept {
  if (locks_ == nullptr) return;
  while (stripes_ > 0) locks_->unlock_stripe(stripe_[--stripes_]);
  const Mode mode = std::exchange(mode_, Mode::none);
  KeyLocks* locks = std::exchange(locks_, nullptr);
  if (mode == Mode::shared) locks->unlock_shared();
  if (mode == Mode::claimed || mode == Mode::exclusive) locks->unlock_exclusive();
}

bool KeyLocks::try_shared() {
  std::uint32_t state = transaction_.load(std::memory_order_relaxed);
  while ((state & exclusive_bit) == 0) {
    // acquire: partner of the releases in unlock_shared and unlock_exclusive.
    if (transaction_.compare_exchange_weak(state, state + 1, std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void KeyLocks::unlock_shared() {
  if (transaction_.fetch_sub(1, std::memory_order_acq_rel) != (exclusive_bit | 1)) return;
  std::vector<std::function<void()>> waiters;
  {
    const MutexLock lock(mutex_);
    waiters.swap(drain_waiters_);
  }
  call_all(waiters);
}

void KeyLocks::unlock_exclusive() {
  transaction_.fetch_and(~exclusive_bit, std::memory_order_acq_rel);
  std::vector<std::function<void()>> waiters;
  {
    const MutexLock lock(mutex_);
    waiters.swap(unlock_waiters_);
  }
  call_all(waiters);
}

bool KeyLocks::try_stripe(std::uint16_t stripe) {
  std::uint8_t expected = stripe_free;
  return stripes_[stripe].compare_exchange_strong(expected, stripe_held, std::memory_order_acquire,
                                                  std::memory_order_relaxed);
}

void KeyLocks::unlock_stripe(std::uint16_t stripe) {
  if (stripes_[stripe].exchange(stripe_free, std::memory_order_acq_rel) != stripe_awaited) return;
  std::vector<std::function<void()>> waiters;
  Bucket& bucket = buckets_[stripe % bucket_count];
  {
    const MutexLock lock(bucket.mutex);
    const auto others =
        std::partition(bucket.waiters.begin(), bucket.waiters.end(),
                       [&](const Waiter& waiter) { return waiter.stripe != stripe; });
    for (auto i = others; i != bucket.waiters.end(); ++i) waiters.push_back(std::move(i->resume));
    bucket.waiters.erase(others, bucket.waiters.end());
  }
  call_all(waiters);
}

KeyLocks::Blocked KeyLocks::try_lock(std::span<const std::string_view> keys, Hold& hold) {
  if (keys.size() > stripes_held_max) return try_lock_exclusive(hold);
  RESTORED_CHECK(hold.mode_ == Hold::Mode::none, "a command locks once");
  if (!spin([this] { return try_shared(); })) return {Wait::transaction, 0};
  hold.locks_ = this;
  hold.mode_ = Hold::Mode::shared;
  std::array<std::uint16_t, stripes_held_max> wanted;
  for (std::size_t i = 0; i < keys.size(); ++i) wanted[i] = stripe_of(keys[i]);
  std::sort(wanted.data(), wanted.data() + keys.size());
  const auto* const end = std::unique(wanted.data(), wanted.data() + keys.size());
  for (const auto* stripe = wanted.data(); stripe != end; ++stripe) {
    if (!spin([&] { return try_stripe(*stripe); })) {
      hold.release();
      return {Wait::stripe, *stripe};
    }
    hold.stripe_[hold.stripes_++] = *stripe;
  }
  return {};
}

KeyLocks::Blocked KeyLocks::try_lock_exclusive(Hold& hold) {
  if (hold.mode_ == Hold::Mode::none) {
    const bool claimed = spin([this] {
      // acquire: partner of the release in unlock_exclusive.
      return (transaction_.fetch_or(exclusive_bit, std::memory_order_acq_rel) & exclusive_bit) == 0;
    });
    if (!claimed) return {Wait::transaction, 0};
    hold.locks_ = this;
    hold.mode_ = Hold::Mode::claimed;
  }
  RESTORED_CHECK(hold.mode_ == Hold::Mode::claimed, "a command locks once");
  // acquire: partner of the release in unlock_shared.
  if (!spin([this] { return transaction_.load(std::memory_order_acquire) == exclusive_bit; })) {
    return {Wait::drain, 0};
  }
  hold.mode_ = Hold::Mode::exclusive;
  return {};
}

void KeyLocks::when_stripe(std::uint16_t stripe, std::function<void()> resume) {
  Bucket& bucket = buckets_[stripe % bucket_count];
  {
    const MutexLock lock(bucket.mutex);
    // Marking happens under the mutex: who unlocks a marked stripe finds the waiter listed.
    std::uint8_t state = stripe_held;
    const bool held =
        stripes_[stripe].compare_exchange_strong(state, stripe_awaited) || state == stripe_awaited;
    if (held) {
      bucket.waiters.push_back({stripe, std::move(resume)});
      return;
    }
  }
  resume();
}

void KeyLocks::when(Blocked blocked, std::function<void()> resume) {
  if (blocked.on == Wait::stripe) return when_stripe(blocked.stripe, std::move(resume));
  if (blocked.on != Wait::none) {
    const MutexLock lock(mutex_);
    // The state is read under the mutex that who changes it takes afterwards: either the change is
    // seen here, or the waiter is seen there.
    const std::uint32_t state = transaction_.load();
    if (blocked.on == Wait::transaction && (state & exclusive_bit) != 0) {
      unlock_waiters_.push_back(std::move(resume));
      return;
    }
    if (blocked.on == Wait::drain && state != exclusive_bit) {
      drain_waiters_.push_back(std::move(resume));
      return;
    }
  }
  resume();
}

}  // namespace restored::data
