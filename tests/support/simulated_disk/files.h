// Our own door to a simulated disk.
//
//   SimulatedFiles files(disk);             // both outlive what is opened
//   host.seams.files = &files;
//   SimulatedFiles both(disk, {{"/repository", &other_disk}});   // a second disk, mounted there
//
// There is no descriptor: an IoQueue on it is one without io_uring, which calls File.
#pragma once

#include <map>
#include <string>

#include "io/directory_maker.h"
#include "io/file_system.h"
#include "simulated_disk/disk.h"

namespace restored::test {

class SimulatedFiles final : public io::FileSystem {
 public:
  using Mounts = std::map<std::string, SimulatedDisk*>;
  // A path below a mount keeps its whole name on the mounted disk, where its directory is made.
  explicit SimulatedFiles(SimulatedDisk& disk, Mounts mounts = {});

  Result<std::unique_ptr<io::File>> open(const std::string& path, io::Access access,
                                         io::Caching caching) override;
  Result<io::Entry> stat(const std::string& path) override;
  Result<std::vector<io::Entry>> list(const std::string& directory) override;
  Result<void> make_directories(const std::string& path) override { return maker_.make(path); }
  Result<void> link(const std::string& existing, const std::string& added) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove_file(const std::string& path) override;
  Result<void> remove_tree(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<io::Space> space(const std::string& path) override;
  Result<std::unique_ptr<io::FileLock>> lock(const std::string& path) override;

 private:
  SimulatedDisk& disk_of(const std::string& path) const;

  SimulatedDisk& disk_;
  const Mounts mounts_;
  io::DirectoryMaker maker_;
};

}  // namespace restored::test
