// All kills of one seed, one after the other on the same state.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "crash_plan.h"
#include "world.h"

namespace restored::crash_test {

struct Tally {
  std::uint64_t kills = 0;  // under load, or of an agent that recovered
  std::set<std::string> passed;
  std::set<std::string> missed;
  std::uint64_t values = 0;                         // that writers wrote
  std::map<std::string, std::uint64_t> operations;  // by how they ended
};

class CrashLoop {
 public:
  CrashLoop(std::uint64_t seed, Tally& tally);

  // Until something is wrong; what it is, and where, for people. Empty: nothing.
  std::string run();

 private:
  bool begin();
  bool run_round(const Round& round);
  bool let_undo_time_end(const Round& round);
  void die_under_load(const Round& round);
  void die_in_recovery(const Round& round);
  bool check(const std::string& toml);
  bool finish(const std::string& toml);
  void count();
  bool fine() const { return world_.problems().empty(); }

  World world_;
  std::uint64_t seed_;
  Tally& tally_;
};

}  // namespace restored::crash_test
