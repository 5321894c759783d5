#include "store/retry_loop.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/log.h"
#include "base/random.h"

namespace restored::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// What was mended and fails again is not mended.
constexpr unsigned at_once_max = 3;

// Many calls wait for the same server: their lines would be the same.
constexpr auto log_pause = std::chrono::seconds(10);
constexpr unsigned worth_a_line = 3;  // failures in a row

void log_seldom(const std::string& where, const Error& error, unsigned failures) {
  static std::atomic<std::int64_t> quiet_until{0};
  const std::int64_t now = steady_clock::now().time_since_epoch().count();
  std::int64_t until = quiet_until.load();
  const std::int64_t next = now + steady_clock::duration(log_pause).count();
  // Of several who come at once, one writes.
  if (now < until || !quiet_until.compare_exchange_strong(until, next)) return;
  log::warning("store", "waiting for {}, tried {} times: {}", where, failures, error.message);
}

// Whether the server may have done what it was asked for, or may still do it.
bool in_doubt(unsigned status) {
  return status == 0 || status == 500 || status == 502 || status == 504;
}

// False: stopped.
bool wait_for(milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

milliseconds full_jitter(const RetryPolicy& policy, unsigned failures) {
  const unsigned doublings = std::min(failures - 1, 20u);
  const auto most =
      std::min<std::int64_t>(policy.backoff_max.count(), policy.backoff.count() << doublings);
  return milliseconds(random_u64() % (static_cast<std::uint64_t>(most) + 1));
}

}  // namespace

RetryLoop::RetryLoop(const RetryPolicy& policy, const StoreCall& call, std::string where)
    : policy_(policy),
      call_(call),
      where_(std::move(where)),
      entry_(WaitBoard::post(call.waits, where_)),
      begin_(steady_clock::now()),
      progress_at_(begin_) {}

void RetryLoop::progress() {
  progress_at_ = steady_clock::now();
  failures_in_row_ = 0;
  entry_.progress();
}

std::unexpected<Error> RetryLoop::give_up(Trouble trouble) const {
  if (failures_ > 1) {
    const auto seconds = std::chrono::duration<double>(steady_clock::now() - begin_).count();
    trouble.error.message += fmt::format(" (tried {} times in {:.1f} s)", failures_, seconds);
  }
  return std::unexpected(std::move(trouble.error));
}

Result<void> RetryLoop::wait_after(Trouble trouble) {
  if (call_.stop.stop_requested()) {
    return fail(ErrorCode::cancelled, "stopped while it waited for " + where_);
  }
  ++failures_;
  ++failures_in_row_;
  if (!trouble.again) return give_up(std::move(trouble));
  if (call_.only_once && in_doubt(trouble.status)) return give_up(std::move(trouble));
  if (trouble.at_once && failures_in_row_ <= at_once_max) return {};
  // New credentials were looked for, and were refused too.
  if (trouble.error.code == ErrorCode::store_permission_denied) return give_up(std::move(trouble));
  milliseconds wait = full_jitter(policy_, failures_in_row_);
  if (trouble.retry_after) wait += *trouble.retry_after;
  const auto left = progress_at_ + call_.patience.value_or(policy_.budget) - steady_clock::now();
  // The last wait is as short as it has to be; what the server asks for is not shortened.
  if (left <= left.zero() || trouble.retry_after.value_or(milliseconds(0)) >= left)
    return give_up(std::move(trouble));
  wait = std::min(wait, std::chrono::ceil<milliseconds>(left));
  if (failures_in_row_ >= worth_a_line) log_seldom(where_, trouble.error, failures_);
  entry_.attempt_failed(fmt::format("{}: {}", where_, trouble.error.message), failures_);
  if (!wait_for(wait, call_.stop)) {
    return fail(ErrorCode::cancelled, "stopped while it waited for " + where_);
  }
  return {};
}

}  // namespace restored::store
