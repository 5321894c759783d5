// Holds an operation at one of its named steps, until the test lets it go.
//
//   StepGate gate("restore.run.after-fetch");
//   host.seams.step = gate.hook();
//   ... start ...
//   ASSERT_TRUE(gate.wait_reached());
//   ... look at it, cancel it ...
//   gate.let_go();
// Threading: all methods may be called from any thread at once.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace restored::test {

class StepGate {
 public:
  explicit StepGate(std::string step) : step_(std::move(step)) {}
  ~StepGate() { let_go(); }
  StepGate(const StepGate&) = delete;
  StepGate& operator=(const StepGate&) = delete;

  // The gate outlives the engine that it is given to.
  std::function<void(std::string_view)> hook() {
    return [this](std::string_view step) { pass(step); };
  }
  // Another step from now on, closed again.
  void hold(std::string step) {
    const std::lock_guard lock(mutex_);
    step_ = std::move(step);
    reached_ = open_ = false;
  }
  bool wait_reached(std::chrono::seconds deadline = std::chrono::seconds(30)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, deadline, [this] { return reached_; });
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  void pass(std::string_view step) {
    std::unique_lock lock(mutex_);
    if (step != step_ || open_) return;
    reached_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, std::chrono::minutes(1), [this] { return open_; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string step_;
  bool reached_ = false;
  bool open_ = false;
};

}  // namespace restored::test
