// Holds a host at one of its calls on the store, whichever that is.
//
//   CallGate gate(7);
//   watch.before = [&](std::string_view, std::string_view) { return gate.pass(); };
//   ... start ...
//   if (gate.wait_reached([&] { return it_has_ended(); })) ... look at it ...
//   gate.let_go();
// Threading: pass() from any thread at once, the rest from the test's.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <utility>

#include "restored/error.h"
#include "support/wait_until.h"

namespace restored::test {

// Holds the nth call that reaches it, until it is let go.
class CallGate {
 public:
  explicit CallGate(int nth) : nth_(nth) {}
  Result<void> pass() {
    if (calls_.fetch_add(1) + 1 != nth_) return {};
    reached_.set_value();
    go_.get_future().wait_for(std::chrono::minutes(1));
    return {};
  }
  bool wait_reached(const std::function<bool()>& ended) {
    std::future<void> reached = reached_.get_future();
    bool there = false;
    EXPECT_TRUE(wait_until([&] {
      there = reached.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
      return there || ended();
    }));
    return there;
  }
  void let_go() {
    if (!std::exchange(gone_, true)) go_.set_value();
  }

 private:
  const int nth_;
  std::atomic<int> calls_ = 0;
  bool gone_ = false;
  std::promise<void> reached_;
  std::promise<void> go_;
};

}  // namespace restored::test
