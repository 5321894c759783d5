// A TestHost (tests/restore) whose state lies on one simulated disk, and its repository on the same
// or on a second one.
#pragma once

#include "../restore/test_host.h"
#include "catalog/disk.h"
#include "simulated_disk/files.h"
#include "simulated_disk/rocksdb_files.h"

namespace restored::test {

class SimulatedHost {
 public:
  static constexpr const char* state_directory = "/simulated/state";
  static constexpr const char* repository_directory = "/simulated-repository";

  explicit SimulatedHost(SimulatedDisk& disk, SimulatedDisk* repository = nullptr)
      : files_(disk, mounts(repository)), host_(state_directory, repository_directory) {
    host_.options.io_uring = false;
    host_.seams.files = &files_;
    host_.seams.disk = std::make_shared<catalog::Disk>(
        catalog::Disk{.files = &files_, .rocksdb = simulated_rocksdb_files(disk)});
  }

  TestHost* operator->() { return &host_; }
  SimulatedFiles& files() { return files_; }

 private:
  static SimulatedFiles::Mounts mounts(SimulatedDisk* repository) {
    if (repository == nullptr) return {};
    return {{repository_directory, repository}};
  }

  SimulatedFiles files_;
  TestHost host_;
};

}  // namespace restored::test
