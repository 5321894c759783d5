// Ctrl-C and SIGTERM stop what a verb does by itself, which then removes what it has made.
#pragma once

#include <signal.h>

#include <stop_token>
#include <thread>

namespace restored::ctl {

// REQUIRES: made before any other thread, so that none of them gets the signals.
class StopOnSignal {
 public:
  StopOnSignal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::jthread([this](const std::stop_token& ended) { wait(ended); });
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  void wait(const std::stop_token& ended) {
    const timespec moment{0, 50'000'000};
    while (!ended.stop_requested()) {
      if (sigtimedwait(&signals_, nullptr, &moment) > 0) stop_.request_stop();
    }
  }

  sigset_t signals_{};
  std::stop_source stop_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace restored::ctl
