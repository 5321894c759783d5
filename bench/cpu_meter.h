// What all threads of this process have used of the processor, in user and in kernel mode. Cycles
// are the processor's own count where the kernel gives one (perf_event_open); most virtual machines
// have none, and then they are the CPU time multiplied with the rate of the time-stamp counter,
// which is the processor's nominal one.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace restored::bench {

// Threading: one thread. REQUIRES: made before the threads that it is to count.
class CpuMeter {
 public:
  CpuMeter();

  struct Reading {
    double seconds = 0;
    double cycles = 0;  // 0: this machine tells neither a count nor a rate
  };
  Reading read() const;  // since the meter was made, or earlier
  std::string source() const;

 private:
  UniqueFd counter_;
  double cycles_per_second_ = 0;
};

// Of the whole machine, since it was started.
struct CoreSeconds {
  double busy = 0;
  double stolen = 0;  // wanted by this machine, and given to another one
};
CoreSeconds core_seconds();

}  // namespace restored::bench
