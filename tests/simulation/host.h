// One life of a host: an engine on two simulated disks, its own and the repository's, behind a
// repository that the life's plan makes bad. Everything here is left as it is when the life ends:
// threads that never run again stand in it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "contents.h"
#include "ledger.h"
#include "plan.h"
#include "restore/open_engine.h"
#include "restored/engine.h"
#include "simulated_disk/disk.h"
#include "simulated_disk/files.h"

namespace restored::simulation {

// What both disks hold between two lives.
struct Disks {
  std::string state;
  std::string repository;
};

class Host {
 public:
  Host(const Plan& plan, const LifePlan& life, const Disks& disks);

  Result<void> open();
  Result<void> close();
  Engine& engine() { return *engine_; }
  Shape shape() const { return {plan_.records, plan_.value_bytes}; }
  const Plan& plan() const { return plan_; }

  // The plan's faults of disk and store are in force from here.
  void begin_faults();
  // The state's disk has no room for so long.
  void fill_disk(std::uint64_t micros);
  // Nothing is wrong with the state's disk in this life.
  bool disk_is_good() const;
  // What there is after this life. `ending` close: as it is now.
  Disks leave(Ending ending, test::Survival survival);
  test::SimulatedDisk& state_disk() { return state_; }

 private:
  const Plan& plan_;
  const LifePlan& life_;
  test::SimulatedDisk state_;
  test::SimulatedDisk repository_;
  test::SimulatedFiles files_;
  StoreFaults faults_;  // none until begin_faults()
  std::unique_ptr<Engine> engine_;
};

DatabaseId database_id(std::size_t index);

}  // namespace restored::simulation
