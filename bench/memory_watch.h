// The most resident memory that a process had while this existed, looked at every 5 ms.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace restored::bench {

class MemoryWatch {
 public:
  explicit MemoryWatch(pid_t process);
  std::uint64_t peak_bytes() const { return peak_bytes_; }

 private:
  const pid_t process_;
  std::atomic<std::uint64_t> peak_bytes_;
  std::jthread thread_;
};

}  // namespace restored::bench
