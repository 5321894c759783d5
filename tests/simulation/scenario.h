// A seed, from its first life to the judgement.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace restored::simulation {

struct Outcome {
  std::vector<std::string> problems;  // none: all is well
  std::string plan;
  std::uint64_t trace = 0;  // of all lives: equal means that they went the same way
  std::uint64_t steps = 0;
  double virtual_seconds = 0;
  std::uint64_t store_troubles = 0;
  std::uint64_t disk_troubles = 0;
  std::size_t kills = 0;
  std::size_t power_losses = 0;
  // Of backups, restores, undos, flushes and creations: [what was told].
  std::uint64_t told[4] = {};
  // Of restores with a hold.
  std::uint64_t committed = 0;
  std::uint64_t expired = 0;
  std::uint64_t created = 0;  // databases, with a content from somewhere
  std::uint64_t removed = 0;
};

// REQUIRES: one thread, and addresses that are fixed (child.h).
struct Manner {
  bool quiet = false;  // without the engine's log
  // Syncs of the databases' logs are told to have happened and have not: what must be found.
  bool logs_are_not_synced = false;
};
Outcome run_seed(std::uint64_t seed, const Manner& manner);

}  // namespace restored::simulation
