// What all threads of this process have used of the processor, in user and in kernel mode. Cycles
// are the processor's own count where the kernel gives one (perf_event_open); most virtual machines
// have none, and then they are the CPU time multiplied with the rate of the time-stamp counter,
// which is the processor's nominal one.
#pragma once

#include <functional>
#include <string>

#include "base/unique_fd.h"
#include "restored/error.h"

namespace restored::bench {

struct Cost {
  double seconds = 0;
  double cpu_seconds = 0;     // of this process
  double cycles = 0;          // of this process; 0: this machine tells neither a count nor a rate
  double machine_busy = 0;    // cores, of all processes
  double machine_stolen = 0;  // cores that were wanted, and given to another machine
};

// Threading: one thread. REQUIRES: made before the threads that it is to count.
class CpuMeter {
 public:
  CpuMeter();

  // What `work` costs, which returns its seconds.
  Result<Cost> measure(const std::function<Result<double>()>& work) const;
  std::string source() const;

 private:
  struct Reading {
    double seconds = 0;
    double cycles = 0;
    double machine_busy_seconds = 0;
    double machine_stolen_seconds = 0;
  };
  Reading read() const;  // each since some moment before

  UniqueFd counter_;
  double cycles_per_second_ = 0;
};

}  // namespace restored::bench
