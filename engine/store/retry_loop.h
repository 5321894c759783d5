// The one place that tries a request again: with full jitter, within a budget of time without
// progress, heeding what the server asks for, and telling what it waits for.
// Backoff: "full jitter" of Brooker, Exponential Backoff And Jitter (AWS architecture blog, 2015).
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/wait_board.h"
#include "restored/error.h"
#include "restored/limits.h"
#include "restored/store_call.h"

namespace restored::store {

struct RetryPolicy {
  std::chrono::milliseconds backoff{limits::store_backoff_millis};
  std::chrono::milliseconds backoff_max{limits::store_backoff_millis_max};
  std::chrono::milliseconds budget{1000 * limits::store_retry_seconds_default};
};

// Why an attempt failed, and whether the same request may succeed later.
struct Trouble {
  Error error;
  bool again = false;
  bool at_once = false;                                  // what was wrong is mended already
  std::optional<std::chrono::milliseconds> retry_after;  // the server's wish
  unsigned status = 0;                                   // HTTP's; 0: there was no answer
  bool too_long = false;                                 // more was sent than is taken
};

template <class T>
using Attempt = std::expected<T, Trouble>;

// One call's attempts. Threading: one thread.
class RetryLoop {
 public:
  // `where` names the server: "the object store at 10.0.0.7:8000". The call outlives the loop.
  RetryLoop(const RetryPolicy& policy, const StoreCall& call, std::string where);

  // Runs `attempt` (returning Attempt<T>) until it succeeds, fails for good, the budget ends or the
  // call is stopped. Errors: the attempt's, with the number of tries; cancelled.
  template <class F>
  auto run(F&& attempt) -> Result<typename decltype(attempt())::value_type> {
    while (true) {
      auto outcome = attempt();
      if (outcome) {
        if constexpr (std::is_void_v<typename decltype(outcome)::value_type>) {
          return {};
        } else {
          return std::move(*outcome);
        }
      }
      RESTORED_TRY(wait_after(std::move(outcome).error()));
    }
  }

  // Bytes have arrived: the budget begins anew.
  void progress();

 private:
  using Time = std::chrono::steady_clock::time_point;
  // Returns when it is time for the next attempt, or the error to end with.
  Result<void> wait_after(Trouble trouble);
  std::unexpected<Error> give_up(Trouble trouble) const;

  const RetryPolicy& policy_;
  const StoreCall& call_;
  const std::string where_;
  WaitBoard::Entry entry_;
  const Time begin_;
  Time progress_at_;
  unsigned failures_ = 0;         // all of this call
  unsigned failures_in_row_ = 0;  // since the last progress
};

}  // namespace restored::store
