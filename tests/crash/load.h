// The clients of an agent: writers, those that swap generations, and the one of databases.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "controller.h"
#include "lifecycle.h"
#include "world.h"

namespace restored::crash_test {

// Connected when it is made; its threads end when the agent is gone, or the world rests.
class Load {
 public:
  Load(World& world, std::uint64_t seed);

  void write();
  void control(const std::vector<Step>& steps, const std::vector<LifecycleStep>& lifecycle);
  Controller& controller(std::size_t index) { return *controllers_[index]; }
  // REQUIRES: the agent is gone, or the world rests.
  void join() { threads_.clear(); }

 private:
  World& world_;
  std::mt19937_64 random_;
  Lifecycle lifecycle_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  std::vector<std::jthread> threads_;
};

}  // namespace restored::crash_test
