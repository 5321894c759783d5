// Whether what was told of operations that were cancelled, committed or had to hold can be true: a
// restore with a hold swaps only after a commit was asked for, and a commit that was accepted is
// not taken back.
#pragma once

#include <string>
#include <vector>

#include "ledger.h"

namespace restored::simulation {

// A restore that nobody committed in time.
bool expired(const Event& event);
// Sentences; none: all is well.
std::vector<std::string> judge_holds(const Ledger& ledger);

}  // namespace restored::simulation
