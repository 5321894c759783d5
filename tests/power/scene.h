// What each run begins with, and what its client does: everything that the product promises about.
#pragma once

#include <memory>

#include "diary.h"
#include "simulated_host.h"

namespace restored::test {

struct Scene {
  std::unique_ptr<SimulatedDisk> disk;  // nothing but a repository with a backup of another host
  BackupId foreign;
  ContentPointer foreign_content;
};
Scene make_scene();
// A disk of its own, all of it durable.
std::unique_ptr<SimulatedDisk> begin(const Scene& scene, Diary& diary);

// From the making of the state directory to the second closing. Ends the process when a request
// is refused: nothing fails here but the power.
void run_workload(const Scene& scene, SimulatedDisk& disk, Diary& diary);

}  // namespace restored::test
