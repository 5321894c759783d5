// Whether what clients were told can all be true of databases whose content is replaced whole, at
// one instant each time, and of which nothing that was promised is lost.
//
// Every write replaces the whole content by one with a tag of its own, and every read names the
// tag and the generation that it saw; so each generation is a register with unique values, and it
// is linearizable exactly when the zones of its values allow it (Gibbons and Korach, "Testing
// shared memories", SIAM J. Comput. 1997). Which generation was live when is judged from the swaps,
// which follow one another on a database. A power loss begins a register anew, with a value that it
// may have had within the last second before, and not older than the last durable write.
//
// What a database was made from is what it begins with: nothing, a backup's content, or one that
// the cloned database had while the clone was made.
#pragma once

#include <string>
#include <vector>

#include "ledger.h"

namespace restored::simulation {

// Sentences; none: all is well.
// REQUIRES: swaps of a database do not overlap; after a cut, the first event of a life on a
// database is a read.
std::vector<std::string> judge(const Ledger& ledger);

}  // namespace restored::simulation
