// How long one request waits, and what for: a socket, until it is told to stop, until no byte has
// moved for the stall limit, or until the request's deadline.
// Threading: one thread at a time; the stop token may fire on any.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

#include "base/unique_fd.h"
#include "net/http_client.h"

namespace restored::net {

using Time = std::chrono::steady_clock::time_point;

inline Time now() {
  return std::chrono::steady_clock::now();
}

enum class Waited : std::uint8_t { ready, until, stalled, late, stopped };

class Patience {
 public:
  // `wake` is an eventfd of this request's own.
  Patience(UniqueFd wake, const Limits& limits, std::stop_token stop);
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;

  // Until one of poll()'s `events` (or an error) stands at `fd`; `seen` is told which. `until` is
  // an earlier end, of a phase.
  Waited wait(int fd, short events, short& seen, Time until = Time::max());
  // Told to stop, or past the deadline when a byte moved last; asked between reads that never had
  // to wait.
  std::optional<Waited> over() const;
  void moved() { moved_at_ = now(); }

  const std::stop_token& stop() const { return stop_; }
  Time deadline() const { return deadline_; }
  const Limits& limits() const { return limits_; }

  // The failure for what was waited for in vain: "no byte moved for 20 s while ...".
  Failure failure(Waited waited, std::string_view doing) const;

 private:
  struct Wake {
    int fd;
    void operator()() const noexcept;
  };

  const UniqueFd wake_;
  const Limits limits_;
  const std::stop_token stop_;
  const Time deadline_;
  Time moved_at_;
  const std::stop_callback<Wake> on_stop_;  // last: it writes to wake_
};

}  // namespace restored::net
