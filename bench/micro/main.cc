// restored_micro [--tiny] [--directory DIR] [Google Benchmark's own flags]
//
// --tiny       a few MiB and one pass of everything: does it still run, not how fast
// --directory  where files are written (default: the temporary directory); what counts is its
//              device, so give it one of the state directory's file system
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <vector>

#include "restored/units.h"
#include "settings.h"

namespace restored::micro {
namespace {

Settings& mutable_settings() {
  static Settings settings;
  return settings;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

const Settings& settings() {
  return mutable_settings();
}

double best_timed_rate(std::uint64_t bytes_a_pass, const std::function<double()>& pass) {
  const auto begin = std::chrono::steady_clock::now();
  double best = 0;
  do {
    best = std::max(best, static_cast<double>(bytes_a_pass) / pass());
  } while (seconds_since(begin) < settings().ceiling_seconds);
  return best;
}

void report(benchmark::State& state, std::uint64_t bytes_a_pass, double seconds, double ceiling,
            const std::string& what_the_ceiling_is, std::uint64_t hash) {
  const auto bytes = static_cast<double>(bytes_a_pass) * static_cast<double>(state.iterations());
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
  using Counter = benchmark::Counter;
  state.counters["ceiling"] = Counter(ceiling, Counter::kDefaults, Counter::kIs1024);
  state.counters["of_ceiling"] = Counter(bytes / seconds / ceiling);
  state.SetLabel(fmt::format("ceiling: {}, hash {:016x}", what_the_ceiling_is, hash));
}

}  // namespace restored::micro

int main(int argc, char** argv) {
  using namespace restored;
  micro::Settings& chosen = micro::mutable_settings();
  chosen.directory = std::filesystem::temp_directory_path().string();
  chosen.file_bytes = 512 * kMiB;
  chosen.content_bytes = 64 * kMiB;
  chosen.ceiling_seconds = 1.0;
  std::string min_time = "--benchmark_min_time=1";
  std::vector<char*> rest;
  for (int index = 0; index < argc; ++index) {
    const std::string_view argument = argv[index];
    if (argument == "--tiny") {
      chosen.file_bytes = 4 * kMiB;
      chosen.content_bytes = 1 * kMiB;
      chosen.ceiling_seconds = 0;
      min_time = "--benchmark_min_time=0.000001";
    } else if (argument == "--directory" && index + 1 < argc) {
      chosen.directory = argv[++index];
    } else {
      rest.push_back(argv[index]);
    }
  }
  rest.insert(rest.begin() + 1, min_time.data());  // a flag of the caller comes later and wins
  int count = static_cast<int>(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return 64;

  chosen.directory += "/restored-micro-XXXXXX";
  if (::mkdtemp(chosen.directory.data()) == nullptr) {
    fmt::print(stderr, "cannot make {}\n", chosen.directory);
    return 73;
  }
  micro::register_writes();
  micro::register_frames();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  std::error_code ignored;
  std::filesystem::remove_all(chosen.directory, ignored);
  return 0;
}
