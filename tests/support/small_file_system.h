// A real file system of limited size (tmpfs) over an existing directory, for tests of full disks.
// Mounting needs CAP_SYS_ADMIN: skip where it is missing, and say so:
//
//   const SmallFileSystem small(directory.path(), 256 * kKiB);
//   if (!small.mounted()) GTEST_SKIP() << small.why_not();
#pragma once

#include <sys/mount.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>

namespace restored::test {

class SmallFileSystem {
 public:
  SmallFileSystem(std::string path, std::uint64_t bytes) : path_(std::move(path)) {
    const std::string options = "size=" + std::to_string(bytes);
    mounted_ = ::mount("restored-test", path_.c_str(), "tmpfs", 0, options.c_str()) == 0;
    if (!mounted_) why_not_ = "mount of a tmpfs: " + std::generic_category().message(errno);
  }
  ~SmallFileSystem() {
    // Lazily: a file that is still open must not keep the mount point from being removed.
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;

  bool mounted() const { return mounted_; }
  const std::string& why_not() const { return why_not_; }

 private:
  const std::string path_;
  bool mounted_ = false;
  std::string why_not_;
};

}  // namespace restored::test
