// An engine on a disk that fails at a chosen call, in the middle of one of the things it does, and
// what must hold then: nothing ends the process and nothing waits for ever, the error says what and
// what to do, the old data is read, and once the disk is well again everything goes on and nothing
// is left over.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "../restore/test_host.h"
#include "simulated_disk/disk.h"

namespace restored::test {

enum class Job { restore, backup, undo, flush, write, open };
std::string_view name(Job job);

struct Failure {
  Job job = Job::restore;
  std::uint64_t nth = 1;  // of the changing calls; or of those that need space, when it lasts
  int error = 0;          // EIO, ENOSPC
  bool lasts = false;     // until the disk is relieved, after the job's end
};
std::string described(const Failure& failure);

class FailingScene {
 public:
  FailingScene();

  struct Outcome {
    bool failed = false;  // the job made so many calls
    std::string place;
    std::vector<std::string> findings;
  };
  Outcome run(const Failure& failure) const;

 private:
  std::unique_ptr<SimulatedDisk> closed_;   // a database with a previous generation, all closed
  std::unique_ptr<SimulatedDisk> cut_off_;  // the same, of a process killed in a restore
  DatabaseId database_;
  BackupId backup_;
  Content before_;    // of the last swap
  Content old_;       // live
  Content restored_;  // of the backup
};

}  // namespace restored::test
