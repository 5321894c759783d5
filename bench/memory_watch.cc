#include "memory_watch.h"

#include <algorithm>
#include <chrono>

#include "machine.h"

namespace restored::bench {

MemoryWatch::MemoryWatch(pid_t process)
    : process_(process),
      peak_bytes_(resident_bytes(process)),
      thread_([this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          peak_bytes_ = std::max(peak_bytes_.load(), resident_bytes(process_));
          std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the sampling interval
        }
      }) {}

}  // namespace restored::bench
