// Whether what a cut left is what clients were told: an engine is opened on it, brings its
// unfinished operations to their ends, and everything is looked at.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "../restore/test_host.h"
#include "diary.h"
#include "simulated_disk/disk.h"

namespace restored::test {

struct JudgeOptions {
  // Also: every backup is restored and compared, the last swap is undone, and what is written now
  // is there after another opening.
  bool deep = false;
  // Called when the engine is open and its operations have ended, before anything is asked of it.
  std::function<void(Engine& engine)> recovered;
};

Result<Content> read_all(Engine& engine, const DatabaseId& id);

// What is wrong, for people; empty: nothing.
std::vector<std::string> judge(const Expected& expected, SimulatedDisk& left,
                               const JudgeOptions& options);

}  // namespace restored::test
