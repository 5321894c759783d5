// How many reads at once are fastest: found by trying, as throughput in windows of time. Pure: it
// is told the time and what happens, and answers with a limit.
//
// It doubles the limit while that makes reads faster. After that it tries half as many more every
// few seconds, and, when that is of no use, now and then a quarter fewer. A trial counts only if
// the limit was what held the reads back: without that, throughput says nothing about the limit.
// Throttling by the store (503, 429) shrinks it at once, and it stays below what was throttled for
// some seconds.
#pragma once

#include <chrono>
#include <cstdint>

namespace restored::store {

// Threading: one thread at a time.
class LimitSearch {
 public:
  using Time = std::chrono::steady_clock::time_point;

  LimitSearch(unsigned begin, unsigned max, Time now);

  unsigned limit() const { return limit_; }

  // From `now` on so many reads are under way and so many wait for their turn; so many bytes
  // arrived since the beginning. To be told at every change.
  void note(Time now, unsigned in_use, unsigned waiting, std::uint64_t bytes_arrived);
  // A read ended: a window ends only with one.
  void note_end(Time now, std::uint64_t bytes_arrived);
  void note_throttled(Time now, std::uint64_t bytes_arrived);

 private:
  using Seconds = std::chrono::duration<double>;
  enum class Trial : std::uint8_t { none, up, down };

  struct Window {
    Time begin;
    std::uint64_t bytes_at_begin = 0;
    unsigned ended = 0;
    double starved_seconds = 0;  // somebody waited for a turn
    double in_use_seconds = 0;   // integral of the turns in use
  };

  void accrue(Time now);
  void begin_window(Time now, std::uint64_t bytes_arrived);
  void set_limit(unsigned limit, Time now, std::uint64_t bytes_arrived);
  void judge(Time now, double rate, const Window& window, std::uint64_t bytes_arrived);
  void judge_up(Time now, double rate, bool evidence, std::uint64_t bytes_arrived);
  void judge_down(Time now, double rate, bool evidence, std::uint64_t bytes_arrived);
  void note_steady(Time now, double rate, bool evidence, std::uint64_t bytes_arrived);
  bool try_up(Time now, std::uint64_t bytes_arrived);
  bool try_down(Time now, std::uint64_t bytes_arrived);

  const unsigned max_;
  unsigned limit_;
  unsigned in_use_ = 0;
  unsigned waiting_ = 0;
  Time accrued_at_;
  Window window_;
  unsigned settling_ends_ = 0;  // reads that must end before the window begins

  Trial trial_ = Trial::none;
  unsigned base_ = 0;     // the limit to go back to after a trial
  double reference_ = 0;  // bytes a second at the limit; 0: not known
  double best_ = 0;       // slowly forgotten, so that many small losses are not accepted
  bool doubling_ = true;  // nothing failed yet
  bool down_is_next_ = false;
  Seconds interval_;  // between trials
  Time next_trial_;

  unsigned ceiling_;  // what was not throttled, until:
  Time ceiling_until_;
  bool gentle_ = false;  // the next growth is a small one
  Time growth_from_;
  Time shrink_from_;
};

}  // namespace restored::store
