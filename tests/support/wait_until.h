// Waiting for something that another thread or process does, bounded in time.
//
//   ASSERT_TRUE(wait_until([&] { return counter == 3; }));
//
// Looks every millisecond; the deadline is generous, because it is only reached when a test fails.
#pragma once

#include <chrono>
#include <thread>

namespace restored::test {

template <class Predicate>
bool wait_until(Predicate predicate,
                std::chrono::milliseconds deadline = std::chrono::seconds(20)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace restored::test
