#include "fetch_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "byte_size.h"
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

// Everything that a command measures, run by run.
class Bench {
 public:
  Bench(const Options& options, Scene& scene) : options_(options), scene_(scene) {}

  Result<void> open_download(std::uint64_t buffer_bytes) {
    const PartsOptions& parts = scene_.parts_options();
    RESTORED_TRY(download_, PlainDownload::open(parts.repository_url, parts.store, buffer_bytes));
    threads_ = options_.plain_threads;
    if (threads_ > 0 || options_.only == "fetch") return {};
    RESTORED_TRY(const DownloadSpeed best, download_->best(scene_.objects().files));
    threads_ = best.threads;
    return {};
  }

  Result<Cost> fetch(const std::string& name, const PartsOptions& parts_options) {
    std::optional<unsigned> reads;
    const auto fetch = [&](Parts& parts) -> Result<void> {
      pipeline::Progress progress;
      const pipeline::FetchEnvironment environment{*parts.store, io::system_files(), *parts.queue,
                                                   *parts.budget, progress};
      RESTORED_TRY(fetch_to_nowhere(scene_.objects().files, environment));
      reads = reads_now(*parts.store);
      return {};
    };
    RESTORED_TRY(const Cost cost, scene_.measure(parts_options, fetch));
    note(name, cost);
    if (!options_.json && reads) fmt::print("    reads at once at the end: {}\n", *reads);
    return cost;
  }

  Result<Cost> download() {
    settle();
    RESTORED_TRY(const Cost cost, scene_.cpu().measure([&] {
      return download_->run(scene_.objects().files, threads_);
    }));
    note(fmt::format("plain download, {} threads", threads_), cost);
    return cost;
  }

  double cycles_a_byte(const Cost& cost) const {
    return cost.cycles / static_cast<double>(scene_.objects().stored_bytes);
  }
  boost::json::array take_runs() { return std::move(runs_); }

 private:
  void note(const std::string& name, const Cost& cost) {
    auto run = to_json(cost);
    run["name"] = name;
    run["cycles_per_byte"] = cycles_a_byte(cost);
    runs_.push_back(std::move(run));
    if (options_.json) return;
    print_rate(name.c_str(), cost.seconds, scene_.objects().stored_bytes);
    print_cost(cost, scene_.objects().stored_bytes);
  }

  const Options& options_;
  Scene& scene_;
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
    plain_cycles.push_back(bench.cycles_a_byte(cost));
    return cost.seconds;
  };
  const auto fetch = [&]() -> Result<double> {
    if (options.only == "plain") return 1;
    RESTORED_TRY(const Cost cost, bench.fetch("fetch path", scene.parts_options()));
    fetch_cycles.push_back(bench.cycles_a_byte(cost));
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

Result<void> run_command(const Options& options, Scene& scene) {
  if (!scene.on_s3()) {
    return fail(ErrorCode::invalid_argument, "the fetch path is measured from S3: --repository");
  }
  if (!options.json) {
    fmt::print("{} from S3, {} files; cycles: {}\n", byte_size_text(scene.objects().stored_bytes),
               scene.objects().files.size(), scene.cpu().source());
  }
  Bench bench(options, scene);
  RESTORED_TRY(boost::json::object report, options.answer_delay_millis > 0
                                               ? beside_delay(options, scene, bench)
                                               : beside_download(options, scene, bench));
  if (!options.json) return {};
  report["machine"] = to_json(machine_facts(scene.directory()));
  report["stored_bytes"] = scene.objects().stored_bytes;
  report["cycles"] = scene.cpu().source();
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
    const auto done =
        Scene::play(options->scene, [&](Scene& scene) { return run_command(*options, scene); });
    if (!done) status = report_error(done.error());
  });
}

}  // namespace restored::bench
