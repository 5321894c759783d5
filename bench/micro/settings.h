// What the command line chose, and how a result and its ceiling are reported.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <string>

namespace restored::micro {

struct Settings {
  std::string directory;            // of the files that are written; removed at the end
  std::uint64_t file_bytes = 0;     // of each file that is written
  std::uint64_t content_bytes = 0;  // of the frames that are hashed and decoded
  double ceiling_seconds = 0;       // how long a ceiling is measured
};
const Settings& settings();

// The best rate of `pass`, in bytes a second, over at least settings().ceiling_seconds. It returns
// how many seconds of it count.
double best_timed_rate(std::uint64_t bytes_a_pass, const std::function<double()>& pass);

// Sets bytes_per_second, ceiling (bytes a second) and of_ceiling (the best pass against it), and
// the label "<what the ceiling is>, hash <hash>".
void report(benchmark::State& state, std::uint64_t bytes_a_pass, double seconds, double ceiling,
            const std::string& what_the_ceiling_is, std::uint64_t hash);

// Settings are known only in main, so benchmarks are registered by it.
void register_writes();
void register_frames();

}  // namespace restored::micro
