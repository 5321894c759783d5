// One workload with its power cut many times, and the judgement of each cut.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cuts.h"
#include "judge.h"
#include "scene.h"

namespace restored::test {

struct RunOptions {
  CutPlan cuts;
  bool deep = false;
  // Of this many cuts one is cut again while it recovers, at so many places; 0: none.
  unsigned recut_every = 0;
  unsigned recuts = 3;
  bool until_first_finding = false;
  DiskPlan::SyncChoice ignored_sync;
};

struct RunReport {
  std::uint64_t calls = 0;  // changing ones, of the workload
  std::uint64_t cuts = 0;
  std::uint64_t recuts = 0;
  std::vector<std::string> findings;  // each with its cut
};

RunReport run(const Scene& scene, const RunOptions& options);

}  // namespace restored::test
