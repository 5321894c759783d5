// The one client that swaps the generations of a database: backups, restores, undos, cancels,
// FLUSHALL and removals of backups, over lasting connections, until the agent is gone.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "world.h"

namespace restored::crash_test {

enum class Step : std::uint8_t {
  backup,
  cancelled_backup,
  restore,        // any backup
  restore_other,  // of another database: no file of it is here
  cancelled_restore,
  held_restore,  // committed once it is staged
  dropped_hold,  // cancelled once it is staged
  clone,         // of this database, removed again
  undo,
  flush,
  remove_backup,
  verify,
};

// One thread at a time.
class Controller {
 public:
  Controller(World& world, Loaded& database, std::uint64_t seed);

  // `first`, then random ones; or until the world rests.
  void run_until_gone(const std::vector<Step>& first);
  // False when the agent is gone.
  bool take(Step step);

 private:
  bool back_up(bool cancel);
  bool restore(const BackupPointer& source, bool cancel, bool hold = false);
  bool commit(const std::string& operation);
  bool end_restore(const std::string& operation, bool cancel, bool cancel_told);
  bool undo();
  bool flush();
  bool remove_backup();
  bool verify();
  bool clone();
  bool settle(Happened happened);
  // Asks for it after a moment. Whether it was accepted; false in `alive` when nobody answered.
  bool cancel(const std::string& operation, bool& alive);
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  World& world_;
  Loaded& database_;
  std::mt19937_64 random_;
  ControlClient control_;
  system_test::RedisClient data_;
};

}  // namespace restored::crash_test
