// A stop that comes a little after another one: what must be tidied up when an operation is stopped
// gets this long, and no longer.
// Threading: made and destroyed by one thread; the token goes anywhere.
#pragma once

#include <chrono>
#include <stop_token>
#include <thread>

namespace restored::backup {

class DelayedStop {
 public:
  // Counts from now when `outer` was stopped already.
  DelayedStop(std::stop_token outer, std::chrono::milliseconds delay);
  DelayedStop(const DelayedStop&) = delete;
  DelayedStop& operator=(const DelayedStop&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  void stop_now() { source_.request_stop(); }

 private:
  std::stop_source source_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace restored::backup
