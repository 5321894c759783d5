// The one client that makes and removes databases, rotates passwords and collects the repository,
// until the agent is gone.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "world.h"

namespace restored::crash_test {

enum class LifecycleStep : std::uint8_t { create, create_from_backup, remove, rotate, collect };

// One thread at a time; what it changes of the world is its own.
class Lifecycle {
 public:
  Lifecycle(World& world, std::uint64_t seed);

  void run_until_gone(const std::vector<LifecycleStep>& first);
  bool take(LifecycleStep step);  // false when the agent is gone

 private:
  bool create(const BackupPointer& origin);
  bool fill(Extra& extra, const std::string& operation);
  bool remove();
  bool rotate();
  bool collect();

  World& world_;
  std::mt19937_64 random_;
  ControlClient control_;
};

}  // namespace restored::crash_test
