// Locks of one database that make commands which read and then write atomic.
//
// An ordinary write holds the transaction lock shared, and the stripes of its keys. EXEC, and a
// write of very many keys, holds the transaction lock exclusively and no stripe. Nothing here ever
// blocks: a try that fails says on what, and when() calls back once it is worth trying again, so
// that a serving thread goes on with its other connections. A holder never waits for anything but
// the storage, so all waits end.
//
// Threading: all methods may be called from any thread at once; a Hold has one owner.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace restored::data {

class KeyLocks {
 public:
  static constexpr std::size_t stripe_count = 1024;
  static constexpr std::size_t stripes_held_max = 16;  // more keys than this: exclusive

  enum class Wait : std::uint8_t { none, stripe, transaction, drain };
  struct Blocked {
    Wait on = Wait::none;
    std::uint16_t stripe = 0;
    explicit operator bool() const { return on != Wait::none; }
  };

  // What one command holds; released by its destructor. Move-only.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept { *this = std::move(other); }
    Hold& operator=(Hold&& other) noexcept;
    ~Hold() { release(); }
    void release() noexcept;

   private:
    friend class KeyLocks;
    enum class Mode : std::uint8_t { none, shared, claimed, exclusive };

    KeyLocks* locks_ = nullptr;
    Mode mode_ = Mode::none;
    std::uint16_t stripes_ = 0;
    std::array<std::uint16_t, stripes_held_max> stripe_;
  };

  KeyLocks() = default;
  KeyLocks(const KeyLocks&) = delete;
  KeyLocks& operator=(const KeyLocks&) = delete;

  // All of them or none. REQUIRES: `hold` is empty, or what a blocked try of the same command
  // left: a claim of the exclusive lock stays in it while the shared holders finish.
  Blocked try_lock(std::span<const std::string_view> keys, Hold& hold);
  Blocked try_lock_exclusive(Hold& hold);

  // Calls `resume` once, from any thread, possibly before it returns, when `blocked` may be over.
  void when(Blocked blocked, std::function<void()> resume);

 private:
  static constexpr std::uint32_t exclusive_bit = 1u << 31;
  static constexpr std::size_t bucket_count = 16;
  enum : std::uint8_t { stripe_free, stripe_held, stripe_awaited };

  struct Waiter {
    std::uint16_t stripe;
    std::function<void()> resume;
  };
  struct Bucket {
    Mutex mutex;
    std::vector<Waiter> waiters GUARDED_BY(mutex);
  };

  bool try_stripe(std::uint16_t stripe);
  void unlock_stripe(std::uint16_t stripe);
  bool try_shared();
  void unlock_shared();
  void unlock_exclusive();
  void when_stripe(std::uint16_t stripe, std::function<void()> resume);

  // Shared holders, and exclusive_bit while the exclusive lock is claimed or held.
  std::atomic<std::uint32_t> transaction_{0};
  Mutex mutex_;
  std::vector<std::function<void()>> unlock_waiters_ GUARDED_BY(mutex_);
  std::vector<std::function<void()>> drain_waiters_ GUARDED_BY(mutex_);
  std::array<std::atomic<std::uint8_t>, stripe_count> stripes_{};
  std::array<Bucket, bucket_count> buckets_;
};

}  // namespace restored::data
