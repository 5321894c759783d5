// The syncs of a run by what they are for, so that all of one purpose can be left out.
#pragma once

#include <set>
#include <string>

#include "simulated_disk/plan.h"

namespace restored::test {

// "sync registry/*.log", "sync_directory databases/* after link *.sst"; "": of no engine.
std::string sync_class(DiskCall call, const std::string& path, const std::string& after);

}  // namespace restored::test
