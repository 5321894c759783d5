#include "cpu_meter.h"

#include <fmt/core.h>
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <thread>

namespace restored::bench {
namespace {

using Clock = std::chrono::steady_clock;

UniqueFd open_cycle_counter() {
  ::perf_event_attr wanted = {};
  wanted.size = sizeof wanted;
  wanted.type = PERF_TYPE_HARDWARE;
  wanted.config = PERF_COUNT_HW_CPU_CYCLES;
  wanted.inherit = 1;  // threads made later count, too
  wanted.exclude_hv = 1;
  return UniqueFd(
      static_cast<int>(::syscall(SYS_perf_event_open, &wanted, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
}

// 0: this processor has none.
double time_stamps_per_second() {
#if defined(__x86_64__)
  const auto begin = Clock::now();
  const std::uint64_t first = __builtin_ia32_rdtsc();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const std::uint64_t last = __builtin_ia32_rdtsc();
  return static_cast<double>(last - first) /
         std::chrono::duration<double>(Clock::now() - begin).count();
#else
  return 0;
#endif
}

struct CoreSeconds {
  double busy = 0;
  double stolen = 0;
};

CoreSeconds core_seconds() {
  std::ifstream file("/proc/stat");
  std::string word;
  double user = 0, nice = 0, system = 0, idle = 0, wait = 0, interrupts = 0, soft = 0, stolen = 0;
  file >> word >> user >> nice >> system >> idle >> wait >> interrupts >> soft >> stolen;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return {(user + nice + system + interrupts + soft) / ticks, stolen / ticks};
}

double seconds_of(const ::timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

CpuMeter::CpuMeter() : counter_(open_cycle_counter()) {
  if (!counter_) cycles_per_second_ = time_stamps_per_second();
}

CpuMeter::Reading CpuMeter::read() const {
  ::rusage used = {};
  ::getrusage(RUSAGE_SELF, &used);
  Reading reading;
  reading.seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
  std::uint64_t counted = 0;
  if (counter_ && ::read(counter_.get(), &counted, sizeof counted) == sizeof counted) {
    reading.cycles = static_cast<double>(counted);
  } else {
    reading.cycles = reading.seconds * cycles_per_second_;
  }
  const CoreSeconds cores = core_seconds();
  reading.machine_busy_seconds = cores.busy;
  reading.machine_stolen_seconds = cores.stolen;
  return reading;
}

Result<Cost> CpuMeter::measure(const std::function<Result<double>()>& work) const {
  const Reading before = read();
  RESTORED_TRY(const double seconds, work());
  const Reading after = read();
  return Cost{seconds, after.seconds - before.seconds, after.cycles - before.cycles,
              (after.machine_busy_seconds - before.machine_busy_seconds) / seconds,
              (after.machine_stolen_seconds - before.machine_stolen_seconds) / seconds};
}

std::string CpuMeter::source() const {
  if (counter_) return "counted by the processor (perf_event_open)";
  if (cycles_per_second_ == 0) return "not known: neither a counter nor a rate";
  return fmt::format("CPU time x {:.2f} GHz, the time-stamp counter's rate (no cycle counter here)",
                     cycles_per_second_ / 1e9);
}

}  // namespace restored::bench
