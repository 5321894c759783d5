// What a measurement stands on: the machine's facts, its page cache, a process's memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "restored/error.h"

namespace restored::bench {

struct Machine {
  std::string processor;
  unsigned cores = 0;
  std::uint64_t memory_bytes = 0;
  std::string kernel;
  std::string file_system;  // of the measured directory
};
Machine machine_facts(const std::string& directory);

// Writes dirty pages out and empties the page cache. False without the right to (needs root).
bool drop_page_cache();

// Before a measurement: what earlier steps wrote and removed is settled (a file system may tell the
// device about freed blocks long after), and the page cache is empty where that is allowed.
void settle();

// Resident memory of a process, in bytes; 0 when it is gone.
std::uint64_t resident_bytes(pid_t process);

// A directory of its own below `parent`, removed with its content at the end unless kept.
class ScratchDirectory {
 public:
  static Result<ScratchDirectory> make(const std::string& parent);
  ScratchDirectory(ScratchDirectory&& other) noexcept;
  ScratchDirectory& operator=(ScratchDirectory&&) = delete;
  ~ScratchDirectory();
  const std::string& path() const { return path_; }

 private:
  explicit ScratchDirectory(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace restored::bench
