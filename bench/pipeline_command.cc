#include "pipeline_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "byte_size.h"
#include "ceilings.h"
#include "machine.h"
#include "paired_runs.h"
#include "pipeline/fetch.h"
#include "report.h"
#include "scene.h"

namespace restored::bench {
namespace {

struct Options {
  SceneOptions scene;
  unsigned runs = 3;
  unsigned answer_delay_millis = 0;
  std::string beside_budget;
  bool json = false;
};

struct Run {
  Cost cost;
  double fetch_busy = 0;
  double decode_busy = 0;
  double write_busy = 0;
  std::uint64_t peak_lease_bytes = 0;
  std::optional<unsigned> reads_now;
};

Result<Run> restore_files(Scene& scene, const PartsOptions& parts_options,
                          unsigned decode_threads) {
  Run run;
  pipeline::Progress progress;
  const auto fetch = [&](Parts& parts) -> Result<void> {
    const pipeline::FetchEnvironment environment{*parts.store,  io::system_files(), *parts.queue,
                                                 *parts.budget, progress,           nullptr,
                                                 nullptr,       decode_threads,     true};
    RESTORED_TRY(pipeline::fetch(scene.objects().files, environment, {}, {}));
    run.peak_lease_bytes = parts.budget->peak_bytes();
    run.reads_now = reads_now(*parts.store);
    return {};
  };
  RESTORED_TRY(run.cost, scene.measure(parts_options, fetch));
  run.fetch_busy = progress.busy_seconds(pipeline::Stage::fetch);
  run.decode_busy = progress.busy_seconds(pipeline::Stage::decode);
  run.write_busy = progress.busy_seconds(pipeline::Stage::write);
  return run;
}

boost::json::object to_json(const Run& run) {
  boost::json::object json{{"cost", to_json(run.cost)},
                           {"fetch_busy_seconds", run.fetch_busy},
                           {"decode_busy_seconds", run.decode_busy},
                           {"write_busy_seconds", run.write_busy},
                           {"peak_lease_bytes", run.peak_lease_bytes}};
  if (run.reads_now) json["reads_at_once"] = *run.reads_now;
  return json;
}

void print_run(const std::string& name, const Run& run, const Scene& scene) {
  print_rate(name.c_str(), run.cost.seconds, scene.objects().content_bytes);
  fmt::print("    busy: fetch {:.2f} s, decode {:.2f} s, write {:.2f} s; leases at most {}",
             run.fetch_busy, run.decode_busy, run.write_busy, byte_size_text(run.peak_lease_bytes));
  if (run.reads_now) fmt::print("; reads at once at the end: {}", *run.reads_now);
  fmt::print("\n");
  print_cost(run.cost, scene.objects().content_bytes);
}

Result<Ceilings> ceilings_of(const Scene& scene) {
  RESTORED_TRY(Parts parts, open_parts(scene.parts_options()));
  pipeline::Progress progress;
  const pipeline::FetchEnvironment environment{*parts.store, io::system_files(), *parts.queue,
                                               *parts.budget, progress};
  std::optional<PlainDownload> download;
  if (scene.on_s3()) {
    RESTORED_TRY(download, PlainDownload::open(scene.parts_options().repository_url,
                                               scene.parts_options().store));
  }
  return measure_ceilings({scene.objects().files, environment, scene.directory(), !scene.on_s3(),
                           download ? &*download : nullptr});
}

// Restores beside the ceilings.
Result<boost::json::object> against_ceilings(const Options& options, Scene& scene) {
  std::vector<double> seconds;
  std::vector<double> efficiencies;
  std::vector<double> of_all_at_once;
  boost::json::array runs;
  for (unsigned count = 0; count < options.runs; ++count) {
    RESTORED_TRY(const Run run,
                 restore_files(scene, scene.parts_options(), options.scene.decode_threads));
    RESTORED_TRY(const Ceilings ceilings, ceilings_of(scene));
    seconds.push_back(run.cost.seconds);
    efficiencies.push_back(ceilings.slowest_seconds() / run.cost.seconds);
    if (ceilings.all_at_once_seconds) {
      of_all_at_once.push_back(*ceilings.all_at_once_seconds / run.cost.seconds);
    }
    auto json = to_json(run);
    json["ceilings"] = to_json(ceilings);
    json["efficiency"] = efficiencies.back();
    runs.push_back(std::move(json));
    if (options.json) continue;
    print_run("fetch to files", run, scene);
    print_ceilings(ceilings, scene.objects().content_bytes);
    print_efficiency(ceilings, run.cost.seconds);
  }
  boost::json::object report{{"median_seconds", median(seconds)},
                             {"median_efficiency", median(efficiencies)},
                             {"least_efficiency", std::ranges::min(efficiencies)},
                             {"runs", runs}};
  if (!of_all_at_once.empty()) report["median_of_all_at_once"] = median(of_all_at_once);
  if (options.json) return report;
  print_medians(seconds, efficiencies, of_all_at_once);
  return report;
}

// The same restore twice, a pair a run: as the reference, and as what is asked about.
struct Comparison {
  std::string reference_name;
  PartsOptions reference;
  std::string name;
  PartsOptions asked;
};

Result<Comparison> comparison(const Options& options, Scene& scene) {
  Comparison both{"", scene.parts_options(), "", scene.parts_options()};
  if (options.answer_delay_millis > 0) {
    const std::chrono::milliseconds delay(options.answer_delay_millis);
    RESTORED_TRY(both.reference, scene.behind_delay(std::chrono::milliseconds(0)));
    RESTORED_TRY(both.asked, scene.behind_delay(delay));
    both.reference_name = "proxy, no delay";
    both.name = fmt::format("proxy, {} ms an answer", delay.count());
  }
  if (!options.beside_budget.empty()) {
    const auto bytes = parse_byte_size(options.beside_budget);
    if (!bytes) return fail(ErrorCode::invalid_argument, "--beside-budget is not a size");
    both.reference.budget_bytes = *bytes;
    both.reference_name += " budget " + byte_size_text(*bytes);
    both.name += " budget " + byte_size_text(both.asked.budget_bytes);
  }
  return both;
}

Result<boost::json::object> against_each_other(const Options& options, Scene& scene) {
  RESTORED_TRY(const Comparison both, comparison(options, scene));
  boost::json::array runs;
  const auto timed = [&](const std::string& name, const PartsOptions& parts) -> Result<double> {
    RESTORED_TRY(const Run run, restore_files(scene, parts, options.scene.decode_threads));
    auto json = to_json(run);
    json["name"] = name;
    runs.push_back(std::move(json));
    if (!options.json) print_run(name, run, scene);
    return run.cost.seconds;
  };
  RESTORED_TRY(const PairedRuns pairs,
               run_pairs(
                   options.runs, [&] { return timed(both.reference_name, both.reference); },
                   [&] { return timed(both.name, both.asked); }));
  if (!options.json) {
    fmt::print("median of {} pairs: {} has {:.3f} of the throughput (least {:.3f})\n", options.runs,
               both.name, pairs.median_ratio(), pairs.least_ratio());
  }
  auto report = to_json(pairs);
  report["runs"] = runs;
  return report;
}

Result<void> run_command(const Options& options, Scene& scene) {
  const bool cold = drop_page_cache();
  const SeededObjects& objects = scene.objects();
  if (!options.json) {
    fmt::print(
        "{} in {} files, stored {:.3f} of it, uploaded in {:.2f} s, {} cache\n",
        byte_size_text(objects.content_bytes), objects.files.size(),
        static_cast<double>(objects.stored_bytes) / static_cast<double>(objects.content_bytes),
        objects.upload_seconds, cold ? "cold" : "WARM (dropping it needs root)");
  }
  const bool compares = options.answer_delay_millis > 0 || !options.beside_budget.empty();
  RESTORED_TRY(boost::json::object report,
               compares ? against_each_other(options, scene) : against_ceilings(options, scene));
  if (!options.json) return {};
  report["machine"] = to_json(machine_facts(scene.directory()));
  report["content_bytes"] = objects.content_bytes;
  report["stored_bytes"] = objects.stored_bytes;
  report["files"] = objects.files.size();
  report["cold_cache"] = cold;
  report["memory_budget_bytes"] = scene.parts_options().budget_bytes;
  report["upload_seconds"] = objects.upload_seconds;
  fmt::print("{}\n", boost::json::serialize(report));
  return {};
}

}  // namespace

void add_pipeline_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("pipeline", "fetch seeded files, without a database");
  options->scene.add_to(*command);
  command->add_option("--runs", options->runs)->check(CLI::Range(1, 100))->capture_default_str();
  command
      ->add_option("--answer-delay", options->answer_delay_millis,
                   "compare with a server that answers later: 20ms")
      ->transform(CLI::AsNumberWithUnit(std::map<std::string, unsigned>{{"ms", 1}, {"s", 1000}}));
  command->add_option("--beside-budget", options->beside_budget,
                      "compare --memory-budget with this one");
  command->add_flag("--json", options->json);
  command->callback([options, &status] {
    const auto done =
        Scene::play(options->scene, [&](Scene& scene) { return run_command(*options, scene); });
    if (!done) status = report_error(done.error());
  });
}

}  // namespace restored::bench
