#include "restore_command.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "backup/repository.h"
#include "byte_size.h"
#include "ceilings.h"
#include "machine.h"
#include "parts.h"
#include "report.h"
#include "restore_run.h"
#include "restored/limits.h"
#include "test_database.h"

namespace restored::bench {
namespace {

struct Options {
  std::string bytes = "2GiB";
  std::string value_bytes = "4KiB";
  std::string budget = "256MiB";
  std::string cache = "64MiB";
  std::string state = ".";
  std::string repository;
  std::string agent;
  double compressible = 0.5;
  double quiet_seconds = 5;
  unsigned runs = 3;
  bool no_agent = false;
  bool json = false;
};

struct Sizes {
  std::uint64_t bytes = 0;
  std::uint64_t value_bytes = 0;
  std::uint64_t budget_bytes = 0;
  std::uint64_t cache_bytes = 0;
};

Result<Sizes> parse(const Options& options) {
  const auto bytes = parse_byte_size(options.bytes);
  const auto value_bytes = parse_byte_size(options.value_bytes);
  const auto budget_bytes = parse_byte_size(options.budget);
  const auto cache_bytes = parse_byte_size(options.cache);
  if (!bytes || !value_bytes || *value_bytes == 0 || !budget_bytes || !cache_bytes) {
    return fail(ErrorCode::invalid_argument, "sizes are numbers with B, KiB, MiB or GiB");
  }
  return Sizes{*bytes, *value_bytes, *budget_bytes, *cache_bytes};
}

// Everything that stays the same from run to run.
struct Scene {
  std::string directory;
  std::string repository_url;
  bool shared_device = true;
  Sizes sizes;
  RestoreTask task;
  std::string password;
  ContentHash hash;
  BackupInfo backup;
  double backup_seconds = 0;
};

EngineOptions engine_options(const Scene& scene) {
  EngineOptions options;
  options.state_directory = scene.directory + "/state";
  options.repository_url = scene.repository_url;
  options.memory_budget_bytes = scene.sizes.budget_bytes;
  options.block_cache_bytes = scene.sizes.cache_bytes;
  return options;
}

Result<void> with_engine(const Scene& scene, const std::function<Result<void>(Engine&)>& work) {
  RESTORED_TRY(auto engine, Engine::open(engine_options(scene)));
  auto done = work(*engine);
  auto closed = engine->close();
  RESTORED_TRY(done);
  return closed;
}

Result<void> build(Engine& engine, const Options& options, Scene& scene) {
  CreateDatabase request;
  request.name = "restore-bench";
  RESTORED_TRY(const CreatedDatabase created, engine.create_database(request, "restore-bench"));
  scene.task.database = created.info.id;
  scene.password = created.connection.password;
  const auto keyspace = engine.keyspace(created.info.id);
  RESTORED_TRY(fill(*keyspace, {scene.sizes.bytes, scene.sizes.value_bytes, options.compressible}));
  RESTORED_TRY(scene.hash, content_hash(*keyspace));
  const auto begin = std::chrono::steady_clock::now();
  RESTORED_TRY(const OperationView started,
               engine.start_backup(created.info.id, "bench", "restore-bench"));
  RESTORED_TRY(const OperationView ended, wait_for(engine, started.id));
  scene.backup_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  scene.task.backup = ended.backup;
  RESTORED_TRY(scene.backup, engine.backup(ended.backup));
  return {};
}

Result<void> change(Engine& engine, const Scene& scene) {
  return replace_content(*engine.keyspace(scene.task.database), scene.directory + "/state");
}

Result<void> check_content(Engine& engine, const Scene& scene) {
  RESTORED_TRY(const ContentHash found, content_hash(*engine.keyspace(scene.task.database)));
  if (found.hex == scene.hash.hex) return {};
  return fail(ErrorCode::corruption,
              fmt::format("restored content has hash {} over {} records, the backup {} over {}",
                          found.hex, found.records, scene.hash.hex, scene.hash.records));
}

struct Measured {
  RestoreRun in_process;
  std::optional<RestoreRun> in_agent;
  Ceilings ceilings;
  double efficiency() const { return ceilings.slowest_seconds() / in_process.seconds; }
};

Result<Ceilings> ceilings_of(const Scene& scene) {
  RESTORED_TRY(const Parts parts,
               open_parts({scene.repository_url, {}, scene.sizes.budget_bytes, true}));
  RESTORED_TRY(const auto repository, backup::Repository::open(*parts.store, {}));
  RESTORED_TRY(const backup::LoadedBackup loaded, repository->load(scene.task.backup, {}));
  std::vector<pipeline::FetchFile> files;
  for (const auto& file : loaded.manifest.files) {
    files.push_back({file.name,
                     format::object_key(file.content),
                     "",
                     file.size_bytes,
                     std::span(loaded.frames).subspan(file.frames_begin, file.frames_count),
                     {}});
  }
  pipeline::Progress progress;
  const pipeline::FetchEnvironment environment{*parts.store, io::system_files(), *parts.queue,
                                               *parts.budget, progress};
  std::optional<PlainDownload> download;
  if (on_s3(scene.repository_url)) {
    RESTORED_TRY(download, PlainDownload::open(scene.repository_url, {}));
  }
  return measure_ceilings(
      {files, environment, scene.directory, scene.shared_device, download ? &*download : nullptr});
}

Result<Measured> measure(const Options& options, const Scene& scene) {
  Measured measured;
  RESTORED_TRY(with_engine(scene, [&](Engine& engine) -> Result<void> {
    RESTORED_TRY(change(engine, scene));
    RESTORED_TRY(measured.in_process, run_in_process(engine, scene.task));
    RESTORED_TRY(check_content(engine, scene));
    return change(engine, scene);
  }));
  if (!options.agent.empty()) {
    RESTORED_TRY(auto agent, AgentProcess::start({options.agent, scene.directory + "/state",
                                                  scene.repository_url, scene.sizes.budget_bytes,
                                                  scene.sizes.cache_bytes}));
    RESTORED_TRY(measured.in_agent, run_in_agent(agent, scene.password, scene.task));
    RESTORED_TRY(agent.stop());
    RESTORED_TRY(with_engine(
        scene, [&](Engine& engine) -> Result<void> { return check_content(engine, scene); }));
  }
  RESTORED_TRY(measured.ceilings, ceilings_of(scene));
  return measured;
}

boost::json::object to_json(const ClientReport& report) {
  return {{"requests", report.requests},
          {"failures", report.failures},
          {"longest_read_seconds", report.longest_read_seconds},
          {"longest_write_seconds", report.longest_write_seconds}};
}

boost::json::object to_json(const RestoreRun& run) {
  boost::json::object phases;
  for (const auto& [phase, seconds] : run.phase_seconds) phases[phase] = seconds;
  return {{"seconds", run.seconds},
          {"phase_seconds", phases},
          {"gate_closed_seconds", run.gate_closed_seconds},
          {"bytes_reused", run.bytes_reused},
          {"idle_resident_bytes", run.idle_resident_bytes},
          {"peak_resident_bytes", run.peak_resident_bytes},
          {"peak_lease_bytes", run.peak_lease_bytes},
          {"busy_seconds",
           {{"fetch", run.busy.fetch}, {"decode", run.busy.decode}, {"write", run.busy.write}}},
          {"client_without_restore", to_json(run.without_restore)},
          {"client_during_fetch", to_json(run.during_fetch)},
          {"client_during_swap", to_json(run.during_swap)},
          {"added_stall_seconds", run.added_stall_seconds()}};
}

void print_run(const char* where, const RestoreRun& run, const Scene& scene) {
  print_rate(where, run.seconds, scene.backup.content_bytes);
  std::string phases;
  for (const auto& [phase, seconds] : run.phase_seconds) {
    phases += fmt::format(" {} {:.3f} s,", phase, seconds);
  }
  fmt::print("    phases:{} gate closed {:.2f} ms\n", phases, run.gate_closed_seconds * 1e3);
  fmt::print("    busy: fetch {:.2f} s, decode {:.2f} s, write {:.2f} s\n", run.busy.fetch,
             run.busy.decode, run.busy.write);
  fmt::print(
      "    client's longest wait: {:.2f} ms without a restore, {:.2f} ms during the fetch, "
      "{:.2f} ms around the swap; {} requests failed\n",
      run.without_restore.longest_seconds() * 1e3, run.during_fetch.longest_seconds() * 1e3,
      run.during_swap.longest_seconds() * 1e3,
      run.without_restore.failures + run.during_fetch.failures + run.during_swap.failures);
  fmt::print("    memory: {} above idle, leases at most {}\n",
             byte_size_text(run.peak_resident_bytes -
                            std::min(run.peak_resident_bytes, run.idle_resident_bytes)),
             byte_size_text(run.peak_lease_bytes));
}

void print_measured(const Measured& measured, const Scene& scene) {
  print_run("restore, in this process", measured.in_process, scene);
  if (measured.in_agent) print_run("restore, in the daemon", *measured.in_agent, scene);
  print_ceilings(measured.ceilings, scene.backup.content_bytes);
  print_efficiency(measured.ceilings, measured.in_process.seconds);
}

bool on_one_device(const std::string& repository_url, const std::string& directory) {
  constexpr std::string_view scheme = "file://";
  if (!repository_url.starts_with(scheme)) return false;
  struct ::stat repository = {};
  struct ::stat state = {};
  return ::stat(repository_url.c_str() + scheme.size(), &repository) == 0 &&
         ::stat(directory.c_str(), &state) == 0 && repository.st_dev == state.st_dev;
}

Result<void> prepare(const Options& options, Scene& scene) {
  scene.task.quiet_seconds = options.quiet_seconds;
  RESTORED_TRY(with_engine(scene, [&](Engine& engine) { return build(engine, options, scene); }));
  scene.shared_device = on_one_device(scene.repository_url, scene.directory);
  return {};
}

// The runs, and what they say.
Result<void> run_all(const Options& options, const Scene& scene) {
  const bool cold = drop_page_cache();
  if (!options.json) {
    fmt::print("{} in {} files, {} stored, {} records, hash {}, backed up in {:.2f} s, {} cache\n",
               byte_size_text(scene.backup.content_bytes), scene.backup.files,
               byte_size_text(scene.backup.stored_bytes), scene.hash.records, scene.hash.hex,
               scene.backup_seconds, cold ? "cold" : "WARM (dropping it needs root)");
  }
  std::vector<double> seconds;
  std::vector<double> efficiencies;
  std::vector<double> of_all_at_once;
  boost::json::array runs;
  for (unsigned count = 0; count < options.runs; ++count) {
    RESTORED_TRY(const Measured measured, measure(options, scene));
    seconds.push_back(measured.in_process.seconds);
    efficiencies.push_back(measured.efficiency());
    if (measured.ceilings.all_at_once_seconds) {
      of_all_at_once.push_back(*measured.ceilings.all_at_once_seconds /
                               measured.in_process.seconds);
    }
    boost::json::object run{{"in_process", to_json(measured.in_process)},
                            {"ceilings", to_json(measured.ceilings)},
                            {"efficiency", measured.efficiency()}};
    if (measured.in_agent) run["in_daemon"] = to_json(*measured.in_agent);
    runs.push_back(std::move(run));
    if (!options.json) print_measured(measured, scene);
  }
  if (options.json) {
    const boost::json::object report{{"machine", to_json(machine_facts(scene.directory))},
                                     {"content_bytes", scene.backup.content_bytes},
                                     {"stored_bytes", scene.backup.stored_bytes},
                                     {"files", scene.backup.files},
                                     {"records", scene.hash.records},
                                     {"content_hash", scene.hash.hex},
                                     {"content_matches", true},
                                     {"cold_cache", cold},
                                     {"memory_budget_bytes", scene.sizes.budget_bytes},
                                     {"block_cache_bytes", scene.sizes.cache_bytes},
                                     {"backup_seconds", scene.backup_seconds},
                                     {"median_seconds", median(seconds)},
                                     {"median_efficiency", median(efficiencies)},
                                     {"runs", runs}};
    fmt::print("{}\n", boost::json::serialize(report));
  } else {
    print_medians(seconds, efficiencies, of_all_at_once);
  }
  return {};
}

Result<void> run_command(const Options& options) {
  RESTORED_TRY(const ScratchDirectory scratch, ScratchDirectory::make(options.state));
  Scene scene;
  scene.directory = std::filesystem::absolute(scratch.path()).string();
  scene.repository_url = scratch_repository_url(options.repository, scene.directory);
  RESTORED_TRY(scene.sizes, parse(options));
  auto done = prepare(options, scene);
  if (done) done = run_all(options, scene);
  RESTORED_TRY(done);
  if (options.repository.empty()) return {};  // it goes with the directory
  RESTORED_TRY(const Parts parts,
               open_parts({scene.repository_url, {}, scene.sizes.budget_bytes, true}));
  return empty_repository(*parts.store);
}

}  // namespace

void add_restore_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  options->agent = sibling_agent();
  auto* command = app.add_subcommand("restore", "back a seeded database up and restore it, cold");
  command->add_option("--bytes", options->bytes, "values to restore")->capture_default_str();
  command->add_option("--value-bytes", options->value_bytes)->capture_default_str();
  command->add_option("--compressible", options->compressible, "part that compresses away")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--repository", options->repository, "URL [below --state]");
  command->add_option("--state", options->state, "directory to work in")->capture_default_str();
  command->add_option("--memory-budget", options->budget)->capture_default_str();
  command->add_option("--block-cache", options->cache, "RocksDB's")->capture_default_str();
  command->add_option("--runs", options->runs)->check(CLI::Range(1, 100))->capture_default_str();
  command->add_option("--quiet-seconds", options->quiet_seconds, "client without a restore")
      ->capture_default_str();
  command->add_option("--agent", options->agent, "the daemon to measure too")
      ->capture_default_str();
  command->add_flag("--no-agent", options->no_agent, "measure within this process only");
  command->add_flag("--json", options->json);
  command->callback([options, &status] {
    if (options->no_agent) options->agent.clear();
    const auto done = run_command(*options);
    if (!done) status = report_error(done.error());
  });
}

}  // namespace restored::bench
