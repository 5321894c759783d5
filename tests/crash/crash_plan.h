// What the seed of a world decides: how each of its agents is configured, where it dies, and what
// its clients begin with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller.h"
#include "lifecycle.h"

namespace restored::crash_test {

struct Round {
  std::string kill_point;           // empty: at a moment
  std::uint64_t moment_micros = 0;  // after the load's beginning, or the agent's
  bool new_admin_token = false;     // dies at its start
  bool expired = false;             // an undo time has to end first
  unsigned recovery_kills = 0;      // of the agents that come next
  bool collects = false;            // what is old, before the next round
  bool clean_stop = false;          // before the next round
  std::string toml;
  std::vector<Step> steps;
  std::vector<LifecycleStep> lifecycle;
  std::uint64_t seed = 0;  // of its clients

  std::string name() const;
};

// Worlds whose seeds follow each other die at every named place once in worlds_to_pass_all().
std::vector<Round> rounds_of(std::uint64_t seed);
std::uint64_t worlds_to_pass_all();

}  // namespace restored::crash_test
