#include "store/limit_search.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace restored::store {
namespace {

using namespace std::chrono_literals;

// A window is one turnover of the reads under way and long enough to see past a scheduler's tick.
constexpr auto window_min = 100ms;
constexpr auto window_max = 2s;
constexpr auto settling_max = 1s;

// Half as many reads more are half as much throughput more, where they are of use at all: far from
// this, so that noise decides rarely.
constexpr double better = 1.05;
constexpr double as_good = 0.97;
constexpr double as_good_as_ever = 0.93;
constexpr double forgotten_after_seconds = 30;
constexpr double worse = 0.75;  // the store changed: try again now

constexpr std::chrono::duration<double> interval_min = 500ms;
constexpr std::chrono::duration<double> interval_max = 8s;
constexpr std::chrono::duration<double> interval_quiet = 2s;  // from here on, trials downward too

constexpr auto shrink_pause = 250ms;
constexpr auto draining_max = 2s;
constexpr auto growth_pause = 1s;
constexpr auto ceiling_time = 10s;

}  // namespace

LimitSearch::LimitSearch(unsigned begin, unsigned max, Time now)
    : max_(std::max(1u, max)),
      limit_(std::clamp(begin, 1u, max_)),
      accrued_at_(now),
      base_(limit_),
      interval_(interval_min),
      next_trial_(now),
      ceiling_(max_),
      ceiling_until_(now),
      growth_from_(now),
      shrink_from_(now) {
  window_.begin = now;
}

void LimitSearch::accrue(Time now) {
  const double seconds = std::max(0.0, Seconds(now - accrued_at_).count());
  accrued_at_ = now;
  window_.in_use_seconds += seconds * in_use_;
  if (waiting_ > 0) window_.starved_seconds += seconds;
}

void LimitSearch::note(Time now, unsigned in_use, unsigned waiting, std::uint64_t bytes_arrived) {
  accrue(now);
  const bool was_idle = in_use_ == 0;
  in_use_ = in_use;
  waiting_ = waiting;
  if (was_idle && in_use > 0) begin_window(now, bytes_arrived);  // idle time is no evidence
}

void LimitSearch::begin_window(Time now, std::uint64_t bytes_arrived) {
  accrued_at_ = now;
  window_ = Window{};
  window_.begin = now;
  window_.bytes_at_begin = bytes_arrived;
}

void LimitSearch::set_limit(unsigned limit, Time now, std::uint64_t bytes_arrived) {
  RESTORED_CHECK(limit >= 1 && limit <= max_, "the limit stays in its bounds");
  settling_ends_ = std::min(limit, limit_);
  limit_ = limit;
  begin_window(now, bytes_arrived);
}

void LimitSearch::note_end(Time now, std::uint64_t bytes_arrived) {
  accrue(now);
  const auto elapsed = now - window_.begin;
  if (settling_ends_ > 0) {
    --settling_ends_;
    if (elapsed >= settling_max) settling_ends_ = 0;
    if (settling_ends_ == 0) begin_window(now, bytes_arrived);
    return;
  }
  ++window_.ended;
  if (elapsed < window_min) return;
  if (window_.ended < limit_ && elapsed < window_max) return;
  const Window window = window_;
  const double rate =
      static_cast<double>(bytes_arrived - window.bytes_at_begin) / Seconds(elapsed).count();
  begin_window(now, bytes_arrived);
  best_ *= std::exp(-Seconds(elapsed).count() / forgotten_after_seconds);
  judge(now, rate, window, bytes_arrived);
}

void LimitSearch::judge(Time now, double rate, const Window& window, std::uint64_t bytes_arrived) {
  const double elapsed = Seconds(now - window.begin).count();
  const double in_use = window.in_use_seconds / elapsed;
  const bool starved = window.starved_seconds >= elapsed / 2;
  switch (trial_) {
    case Trial::none:
      // At the maximum there may be nobody left to wait.
      return note_steady(now, rate, starved || (limit_ == max_ && in_use >= 0.8 * limit_),
                         bytes_arrived);
    case Trial::up:
      return judge_up(now, rate, in_use >= (base_ + limit_) / 2.0, bytes_arrived);
    case Trial::down:
      return judge_down(now, rate, starved, bytes_arrived);
  }
}

void LimitSearch::note_steady(Time now, double rate, bool evidence, std::uint64_t bytes_arrived) {
  if (!evidence) {
    reference_ = 0;
    return;
  }
  if (rate < worse * reference_) {
    next_trial_ = now;
    down_is_next_ = false;
    reference_ = rate;
  } else {
    reference_ = reference_ == 0 ? rate : (reference_ + rate) / 2;
  }
  best_ = std::max(best_, reference_);
  if (now < next_trial_) return;
  if (down_is_next_ && try_down(now, bytes_arrived)) return;
  if (try_up(now, bytes_arrived)) return;
  if (interval_ >= interval_quiet && try_down(now, bytes_arrived)) return;
  // Nowhere to go: at the maximum, say.
  interval_ = std::min(interval_ * 2, interval_max);
  next_trial_ = now + std::chrono::duration_cast<Time::duration>(interval_);
}

bool LimitSearch::try_up(Time now, std::uint64_t bytes_arrived) {
  if (now < growth_from_) return false;
  const unsigned bound = now < ceiling_until_ ? std::min(ceiling_, max_) : max_;
  const unsigned more = gentle_ && bound == max_ ? limit_ / 8 : doubling_ ? limit_ : limit_ / 2;
  const unsigned target = std::min(bound, limit_ + std::max(1u, more));
  if (target <= limit_) return false;
  trial_ = Trial::up;
  base_ = limit_;
  set_limit(target, now, bytes_arrived);
  return true;
}

bool LimitSearch::try_down(Time now, std::uint64_t bytes_arrived) {
  down_is_next_ = false;
  if (limit_ == 1) return false;
  trial_ = Trial::down;
  base_ = limit_;
  set_limit(limit_ - std::max(1u, limit_ / 4), now, bytes_arrived);
  return true;
}

void LimitSearch::judge_up(Time now, double rate, bool evidence, std::uint64_t bytes_arrived) {
  trial_ = Trial::none;
  if (evidence && rate > better * reference_) {
    reference_ = rate;
    best_ = std::max(best_, rate);
    interval_ = interval_min;
    if (now >= ceiling_until_) gentle_ = false;
    if (try_up(now, bytes_arrived)) return;
    next_trial_ = now + std::chrono::duration_cast<Time::duration>(interval_);
    return;
  }
  doubling_ = false;
  next_trial_ = now + std::chrono::duration_cast<Time::duration>(interval_);
  if (evidence) {
    down_is_next_ = interval_ >= interval_quiet;
    interval_ = std::min(interval_ * 2, interval_max);
  }
  set_limit(base_, now, bytes_arrived);
}

void LimitSearch::judge_down(Time now, double rate, bool evidence, std::uint64_t bytes_arrived) {
  trial_ = Trial::none;
  next_trial_ = now + std::chrono::duration_cast<Time::duration>(interval_);
  if (evidence && rate >= as_good * reference_ && rate >= as_good_as_ever * best_) {
    reference_ = rate;
    return;
  }
  set_limit(base_, now, bytes_arrived);
}

void LimitSearch::note_throttled(Time now, std::uint64_t bytes_arrived) {
  growth_from_ = now + growth_pause;
  if (now < shrink_from_) return;
  // Those who are over the limit already may go on being throttled: that says nothing new.
  if (in_use_ > limit_ && now < shrink_from_ + draining_max) return;
  shrink_from_ = now + shrink_pause;
  accrue(now);
  trial_ = Trial::none;
  doubling_ = false;
  gentle_ = true;
  down_is_next_ = false;
  ceiling_ = std::max(1u, limit_ - 1);
  ceiling_until_ = now + ceiling_time;
  reference_ = 0;
  best_ = 0;
  interval_ = interval_min;
  next_trial_ = growth_from_;
  set_limit(std::max(1u, limit_ * 7 / 10), now, bytes_arrived);
}

}  // namespace restored::store
