// Which keys of a database hold values so big that reading one would keep a serving thread from
// its other connections. A hint, learnt from values read and written: it may be wrong either way.
//
// Threading: all methods may be called from any thread at once; relaxed, for nothing hangs on it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace restored::data {

// Beyond this a request may keep a thread for more than a millisecond.
inline constexpr std::size_t serving_bytes_max = 256 * 1024;

class BigKeys {
 public:
  void note(std::string_view key, std::size_t record_bytes) {
    if (record_bytes <= serving_bytes_max) return;
    const std::size_t bit = bit_of(key);
    words_[bit / 64].fetch_or(std::uint64_t{1} << bit % 64, std::memory_order_relaxed);
    any_.store(true, std::memory_order_relaxed);
  }
  bool any() const { return any_.load(std::memory_order_relaxed); }
  bool probably_big(std::string_view key) const {
    const std::size_t bit = bit_of(key);
    return (words_[bit / 64].load(std::memory_order_relaxed) >> bit % 64 & 1) != 0;
  }

 private:
  static constexpr std::size_t bits = 64 * 1024;

  static std::size_t bit_of(std::string_view key) {
    return std::hash<std::string_view>{}(key) % bits;
  }

  std::atomic<bool> any_{false};
  std::array<std::atomic<std::uint64_t>, bits / 64> words_{};
};

}  // namespace restored::data
