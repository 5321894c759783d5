// Counters of a running pipeline. Stages add, the operation's view reads. Plain relaxed counters:
// they guide people and tests, never decisions about data. The caller sets the totals.
// Threading: any thread at once.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace restored::pipeline {

enum class Stage : std::uint8_t { fetch, decode, write, encode, store };
inline constexpr std::size_t stage_count = 5;

class Progress {
 public:
  std::atomic<std::uint64_t> bytes_done{0};  // content bytes
  std::atomic<std::uint64_t> bytes_total{0};
  std::atomic<std::uint64_t> bytes_reused{0};
  std::atomic<std::uint64_t> bytes_transferred{0};  // stored bytes
  std::atomic<std::uint64_t> frames_read_again{0};  // or seek tables: their hash differed
  std::atomic<std::uint64_t> files_done{0};
  std::atomic<std::uint64_t> files_total{0};

  void add_busy(Stage stage, std::chrono::nanoseconds time) {
    busy_[static_cast<std::size_t>(stage)].fetch_add(static_cast<std::uint64_t>(time.count()),
                                                     std::memory_order_relaxed);
  }
  double busy_seconds(Stage stage) const {
    return static_cast<double>(
               busy_[static_cast<std::size_t>(stage)].load(std::memory_order_relaxed)) /
           1e9;
  }

 private:
  std::array<std::atomic<std::uint64_t>, stage_count> busy_{};
};

// Adds the time of its scope to a stage.
class BusyTimer {
 public:
  BusyTimer(Progress& progress, Stage stage)
      : progress_(progress), stage_(stage), begin_(std::chrono::steady_clock::now()) {}
  ~BusyTimer() { progress_.add_busy(stage_, std::chrono::steady_clock::now() - begin_); }
  BusyTimer(const BusyTimer&) = delete;
  BusyTimer& operator=(const BusyTimer&) = delete;

 private:
  Progress& progress_;
  Stage stage_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace restored::pipeline
