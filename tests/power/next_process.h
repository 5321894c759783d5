// A process that was killed is followed by another, which counts on what it finds and tells clients
// of it; then the power fails.
#pragma once

#include <vector>

#include "cuts.h"
#include "restored/engine.h"

namespace restored::test {

// The next process has opened what the killed one left (`killed`) and recovered. It says how
// operations ended, removes again what was being removed, backs up every database; the power is cut
// then, with each survival.
std::vector<Cut> cuts_of_next_process(Engine& engine, const Cut& killed);

}  // namespace restored::test
