// What a seed means: how the threads go, what is wrong with store and disk, who works, and how each
// life of the host ends.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faulty_store.h"
#include "simulated_disk/survival.h"

namespace restored::simulation {

enum class Ending : std::uint8_t {
  close,  // the engine is closed when its clients have done their work, or while operations run
  kill,   // the process is gone
  power,  // so is what the disks had not synced
};

struct DiskFaults {
  // Of calls that change something: fail once, about this often in a life.
  std::uint32_t errors = 0;
  bool errors_are_full = false;  // ENOSPC, else EIO
  bool gets_full = false;        // for a while
};

struct LifePlan {
  Ending ending = Ending::close;
  std::uint64_t end_after = 0;  // calls; kill and power
  test::Survival survival = test::Survival::any;
  StoreFaults store;
  DiskFaults disk;
};

struct Plan {
  std::uint64_t seed = 1;
  std::uint32_t switches = 64;
  std::uint32_t leaps = 4;
  std::uint32_t slow_threads = 128;
  std::size_t databases = 1;
  std::size_t writers = 1;  // of each database
  std::size_t readers = 1;
  std::size_t canceller_patience = 0;  // of 16 operations, so many are cancelled
  std::size_t operations = 4;          // of each database and life
  std::uint64_t hold_seconds = 2;      // of a restore that waits for its commit
  std::uint64_t clock_hours = 0;       // by so many the wall clock may be set ahead, or back
  std::size_t records = 12;            // of a content
  std::size_t value_bytes = 100;
  bool logs_are_not_synced = false;
  std::vector<LifePlan> lives;  // and one more, without faults, that looks at everything
};

Plan plan_of(std::uint64_t seed);
// Whether the state's disk is full at times: then what can be undone may go for want of room.
bool gets_full(const Plan& plan);
std::string describe(const Plan& plan);

}  // namespace restored::simulation
