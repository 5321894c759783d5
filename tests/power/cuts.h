// Cuts the power of a disk while an engine works on it: before calls that change something, what
// the disk would then hold is set aside, with what clients had been told by then. The engine goes
// on.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "diary.h"
#include "simulated_disk/disk.h"

namespace restored::test {

struct Cut {
  std::uint64_t call = 0;  // before which changing call, from 1
  std::string place;       // that call
  Survival survival = Survival::nothing;
  bool repository_too = true;
  bool killed = false;  // the process died, and the power did not fail
  std::uint64_t seed = 0;
  std::unique_ptr<SimulatedDisk> left;
  Expected expected;
};
std::string described(const Cut& cut);

struct CutPlan {
  // How often to cut before this changing call: each time with another survival and seed.
  std::function<unsigned(std::uint64_t call)> times = [](std::uint64_t) { return 1U; };
  std::uint64_t seed = 0;
  // The process dies, and what it has not synced is seen by the next one, and in doubt still.
  bool kills = false;
};

// Threading: its hook runs on the disk's callers' threads.
class CutTaker {
 public:
  // Both outlive it, and it outlives the engine's work on the disk.
  CutTaker(SimulatedDisk& disk, const Diary& diary, CutPlan plan);
  ~CutTaker();

  std::uint64_t calls() const;
  // No more are made then.
  std::vector<Cut> take();

 private:
  void before(DiskCall call, const std::string& path);

  SimulatedDisk& disk_;
  const Diary& diary_;
  const CutPlan plan_;
  mutable std::mutex mutex_;
  std::uint64_t calls_ = 0;
  bool stopped_ = false;
  std::vector<Cut> cuts_;
};

}  // namespace restored::test
