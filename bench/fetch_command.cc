#include "fetch_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "byte_size.h"
#include "cpu_meter.h"
#include "fetch_path.h"
#include "machine.h"
#include "paired_runs.h"
#include "plain_download.h"
#include "report.h"
#include "scene.h"

namespace restored::bench {
namespace {

struct Options {
  SceneOptions scene;
  unsigned runs = 5;
  unsigned answer_delay_millis = 0;
  std::string plain_buffer = "256KiB";
  unsigned plain_threads = 0;
  std::string only;
  bool json = false;
};

struct Cost {
  double seconds = 0;
  double cpu_seconds = 0;
  double cycles_per_byte = 0;
  double machine_busy = 0;    // cores, of all processes
  double machine_stolen = 0;  // cores
};

class Meter {
 public:
  Meter(const CpuMeter& cpu, std::uint64_t bytes) : cpu_(cpu), bytes_(bytes) {}

  // `transfer` returns its seconds.
  template <class Transfer>
  Result<Cost> measure(const Transfer& transfer) {
    settle();
    const auto before = cpu_.read();
    const auto machine_before = core_seconds();
    RESTORED_TRY(const double seconds, transfer());
    const auto after = cpu_.read();
    const auto machine_after = core_seconds();
    Cost cost;
    cost.seconds = seconds;
    cost.cpu_seconds = after.seconds - before.seconds;
    cost.cycles_per_byte = (after.cycles - before.cycles) / static_cast<double>(bytes_);
    cost.machine_busy = (machine_after.busy - machine_before.busy) / seconds;
    cost.machine_stolen = (machine_after.stolen - machine_before.stolen) / seconds;
    return cost;
  }

 private:
  const CpuMeter& cpu_;
  const std::uint64_t bytes_;
};

Result<double> timed_fetch(const Scene& scene, Parts& parts) {
  pipeline::Progress progress;
  const pipeline::FetchEnvironment environment{*parts.store, io::system_files(), *parts.queue,
                                               *parts.budget, progress};
  const auto begin = std::chrono::steady_clock::now();
  RESTORED_TRY(fetch_to_nowhere(scene.objects().files, environment));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void print_cost(const std::string& name, const Cost& cost, const Scene& scene) {
  print_rate(name.c_str(), cost.seconds, scene.objects().stored_bytes);
  fmt::print("    CPU {:.2f} s, {:.3f} cycles a byte; cores busy {:.2f}, stolen {:.2f}\n",
             cost.cpu_seconds, cost.cycles_per_byte, cost.machine_busy, cost.machine_stolen);
}

boost::json::object to_json(const std::string& name, const Cost& cost) {
  return {{"name", name},
          {"seconds", cost.seconds},
          {"cpu_seconds", cost.cpu_seconds},
          {"cycles_per_byte", cost.cycles_per_byte},
          {"machine_busy_cores", cost.machine_busy},
          {"machine_stolen_cores", cost.machine_stolen}};
}

// Everything that a command measures, run by run.
class Bench {
 public:
  Bench(const Options& options, Scene& scene, const CpuMeter& cpu)
      : options_(options), scene_(scene), meter_(cpu, scene.objects().stored_bytes) {}

  Result<void> open_download(std::uint64_t buffer_bytes) {
    const PartsOptions& parts = scene_.parts_options();
    RESTORED_TRY(download_, PlainDownload::open(parts.repository_url, parts.store, buffer_bytes));
    threads_ = options_.plain_threads;
    if (threads_ > 0) return {};
    RESTORED_TRY(const DownloadSpeed best, download_->best(scene_.objects().files));
    threads_ = best.threads;
    return {};
  }

  Result<Cost> fetch(const std::string& name, const PartsOptions& parts_options) {
    RESTORED_TRY(Parts parts, open_parts(parts_options));
    RESTORED_TRY(const Cost cost, meter_.measure([&] { return timed_fetch(scene_, parts); }));
    note(name, cost);
    const auto reads = reads_now(*parts.store);
    if (!options_.json && reads) fmt::print("    reads at once at the end: {}\n", *reads);
    return cost;
  }

  Result<Cost> download() {
    RESTORED_TRY(const Cost cost,
                 meter_.measure([&] { return download_->run(scene_.objects().files, threads_); }));
    note(fmt::format("plain download, {} threads", threads_), cost);
    return cost;
  }

  boost::json::array take_runs() { return std::move(runs_); }

 private:
  void note(const std::string& name, const Cost& cost) {
    runs_.push_back(to_json(name, cost));
    if (!options_.json) print_cost(name, cost, scene_);
  }

  const Options& options_;
  Scene& scene_;
  Meter meter_;
  std::optional<PlainDownload> download_;
  unsigned threads_ = 0;
  boost::json::array runs_;
};

Result<boost::json::object> beside_download(const Options& options, Scene& scene, Bench& bench) {
  const auto buffer_bytes = parse_byte_size(options.plain_buffer);
  if (!buffer_bytes) return fail(ErrorCode::invalid_argument, "--plain-buffer is not a size");
  RESTORED_TRY(bench.open_download(*buffer_bytes));
  std::vector<double> plain_cycles;
  std::vector<double> fetch_cycles;
  const auto plain = [&]() -> Result<double> {
    if (options.only == "fetch") return 1;
    RESTORED_TRY(const Cost cost, bench.download());
    plain_cycles.push_back(cost.cycles_per_byte);
    return cost.seconds;
  };
  const auto fetch = [&]() -> Result<double> {
    if (options.only == "plain") return 1;
    RESTORED_TRY(const Cost cost, bench.fetch("fetch path", scene.parts_options()));
    fetch_cycles.push_back(cost.cycles_per_byte);
    return cost.seconds;
  };
  RESTORED_TRY(const PairedRuns pairs, run_pairs(options.runs, plain, fetch));
  if (!options.only.empty()) return boost::json::object();
  std::vector<double> cycle_ratios;
  for (std::size_t run = 0; run < plain_cycles.size(); ++run) {
    cycle_ratios.push_back(fetch_cycles[run] / plain_cycles[run]);
  }
  if (!options.json) {
    fmt::print(
        "median of {} pairs: the fetch path has {:.3f} of the plain download's throughput "
        "(least {:.3f}); {:.3f} cycles a byte beside {:.3f}, {:.2f} times (most {:.2f})\n",
        options.runs, pairs.median_ratio(), pairs.least_ratio(), median(fetch_cycles),
        median(plain_cycles), median(cycle_ratios), std::ranges::max(cycle_ratios));
  }
  auto report = to_json(pairs);
  report["fetch_cycles_per_byte"] = median(fetch_cycles);
  report["plain_cycles_per_byte"] = median(plain_cycles);
  report["median_cycle_ratio"] = median(cycle_ratios);
  report["most_cycle_ratio"] = std::ranges::max(cycle_ratios);
  return report;
}

Result<boost::json::object> beside_delay(const Options& options, Scene& scene, Bench& bench) {
  const std::chrono::milliseconds delay(options.answer_delay_millis);
  RESTORED_TRY(const PartsOptions near, scene.behind_delay(std::chrono::milliseconds(0)));
  RESTORED_TRY(const PartsOptions far, scene.behind_delay(delay));
  const auto run = [&](const std::string& name, const PartsOptions& parts) -> Result<double> {
    RESTORED_TRY(const Cost cost, bench.fetch(name, parts));
    return cost.seconds;
  };
  RESTORED_TRY(const PairedRuns pairs,
               run_pairs(
                   options.runs, [&] { return run("proxy, no delay", near); },
                   [&] { return run(fmt::format("proxy, {} ms an answer", delay.count()), far); }));
  if (!options.json) {
    fmt::print("median of {} pairs: with {} ms an answer {:.3f} of the throughput (least {:.3f})\n",
               options.runs, delay.count(), pairs.median_ratio(), pairs.least_ratio());
  }
  return to_json(pairs);
}

Result<void> run_command(const Options& options, Scene& scene, const CpuMeter& cpu) {
  if (!scene.on_s3()) {
    return fail(ErrorCode::invalid_argument, "the fetch path is measured from S3: --repository");
  }
  if (!options.json) {
    fmt::print("{} from S3, {} files; cycles: {}\n", byte_size_text(scene.objects().stored_bytes),
               scene.objects().files.size(), cpu.source());
  }
  Bench bench(options, scene, cpu);
  RESTORED_TRY(boost::json::object report, options.answer_delay_millis > 0
                                               ? beside_delay(options, scene, bench)
                                               : beside_download(options, scene, bench));
  if (!options.json) return {};
  report["machine"] = to_json(machine_facts(scene.directory()));
  report["stored_bytes"] = scene.objects().stored_bytes;
  report["cycles"] = cpu.source();
  report["runs"] = bench.take_runs();
  fmt::print("{}\n", boost::json::serialize(report));
  return {};
}

}  // namespace

void add_fetch_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("fetch", "fetch objects from S3 to nowhere, beside a plain download");
  options->scene.add_to(*command);
  command->add_option("--runs", options->runs)->check(CLI::Range(1, 100))->capture_default_str();
  command
      ->add_option("--answer-delay", options->answer_delay_millis,
                   "compare with a server that answers later: 20ms")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, unsigned>{{"ms", 1}, {"s", 1000}}));
  command->add_option("--plain-buffer", options->plain_buffer, "of each plain thread")
      ->capture_default_str();
  command->add_option("--plain-threads", options->plain_threads, "0: the best of 2, 4, 8, 16")
      ->capture_default_str();
  command->add_option("--only", options->only, "for a profile: fetch or plain")
      ->check(CLI::IsMember({"fetch", "plain"}));
  command->add_flag("--json", options->json);
  command->callback([options, &status] {
    const CpuMeter cpu;
    const auto done = Scene::play(options->scene,
                                  [&](Scene& scene) { return run_command(*options, scene, cpu); });
    if (!done) status = report_error(done.error());
  });
}

}  // namespace restored::bench
