// Bytes a second over the last ten seconds, for people.
// Threading: the owner's mutex guards it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace restored::restore {

class RateMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Begins anew: what was done before does not count.
  void begin(Time now, std::uint64_t bytes) {
    samples_.assign(1, {now, bytes});
    first_ = samples_.front();
  }
  void sample(Time now, std::uint64_t bytes) {
    if (samples_.empty()) return;
    samples_.push_back({now, bytes});
    while (samples_.size() > 2 && now - samples_[1].time > std::chrono::seconds(10)) {
      samples_.pop_front();
    }
  }
  double recent(Time now, std::uint64_t bytes) const {
    return samples_.empty() ? 0 : between(samples_.front(), {now, bytes});
  }
  double average(Time now, std::uint64_t bytes) const {
    return samples_.empty() ? 0 : between(first_, {now, bytes});
  }

 private:
  struct Sample {
    Time time;
    std::uint64_t bytes = 0;
  };
  static double between(const Sample& from, const Sample& to) {
    const double seconds = std::chrono::duration<double>(to.time - from.time).count();
    if (seconds <= 0 || to.bytes <= from.bytes) return 0;
    return static_cast<double>(to.bytes - from.bytes) / seconds;
  }

  std::deque<Sample> samples_;
  Sample first_;
};

}  // namespace restored::restore
