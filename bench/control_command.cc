#include "control_command.h"

#include <fmt/core.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "agent_process.h"
#include "byte_size.h"
#include "control_probe.h"
#include "machine.h"
#include "report.h"
#include "test_database.h"

namespace restored::bench {
namespace {

constexpr std::uint64_t budget_bytes = 256 * kMiB;
constexpr std::uint64_t cache_bytes = 64 * kMiB;

struct Options {
  std::string bytes = "2GiB";
  std::string state = ".";
  std::string agent;
  double quiet_seconds = 5;
  unsigned clients = 4;
  unsigned runs = 3;
  bool json = false;
};

struct Scene {
  std::string directory;
  DatabaseId database;
  BackupId backup;
  std::uint64_t content_bytes = 0;

  std::string state() const { return directory + "/state"; }
  std::string repository() const { return "file://" + directory + "/repository"; }
};

struct Run {
  double restore_seconds = 0;
  ControlReport without_restore;
  ControlReport during_restore;
};

Result<void> with_engine(const Scene& scene, const std::function<Result<void>(Engine&)>& work) {
  EngineOptions options;
  options.state_directory = scene.state();
  options.repository_url = scene.repository();
  options.memory_budget_bytes = budget_bytes;
  options.block_cache_bytes = cache_bytes;
  RESTORED_TRY(auto engine, Engine::open(options));
  auto done = work(*engine);
  auto closed = engine->close();
  RESTORED_TRY(done);
  return closed;
}

Result<void> build(Engine& engine, std::uint64_t bytes, Scene& scene) {
  CreateDatabase request;
  request.name = "restore-bench";
  RESTORED_TRY(const CreatedDatabase created, engine.create_database(request, "restore-bench"));
  scene.database = created.info.id;
  RESTORED_TRY(fill(*engine.keyspace(scene.database), {bytes}));
  RESTORED_TRY(const OperationView started,
               engine.start_backup(scene.database, "bench", "restore-bench"));
  RESTORED_TRY(const OperationView ended, wait_for(engine, started.id));
  scene.backup = ended.backup;
  scene.content_bytes = ended.bytes_total;
  return {};
}

// What a control plane asks all the time, and one that is on disk before it is answered.
std::vector<ControlRequest> requests(const Scene& scene) {
  const std::string database = "/v1/databases/" + scene.database.value;
  return {{"GET", database, ""},
          {"GET", "/v1/operations", ""},
          {"GET", "/v1/databases?limit=100", ""},
          {"PATCH", database, R"({"name":"restore-bench"})"}};
}

Result<void> wait_for_end(AgentProcess& agent, const OperationId& id) {
  while (true) {
    RESTORED_TRY(const boost::json::object now, agent.operation(id));
    const auto& status = now.at("status").as_string();
    if (status == "succeeded") return {};
    if (status != "running")
      return fail(ErrorCode::internal, "the restore: " + boost::json::serialize(now));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // between two looks
  }
}

Result<Run> measure(const Options& options, const Scene& scene) {
  RESTORED_TRY(with_engine(scene, [&](Engine& engine) {
    return replace_content(*engine.keyspace(scene.database), scene.state());
  }));
  RESTORED_TRY(auto agent, AgentProcess::start({options.agent, scene.state(), scene.repository(),
                                                budget_bytes, cache_bytes}));
  Run run;
  {
    settle();
    ControlProbe probe(agent.socket_path(), agent.token(), options.clients, requests(scene));
    std::this_thread::sleep_for(std::chrono::duration<double>(options.quiet_seconds));
    run.without_restore = probe.take();
    drop_page_cache();
    probe.take();
    const auto begin = std::chrono::steady_clock::now();
    RESTORED_TRY(const OperationId id, agent.start_restore(scene.database, scene.backup));
    RESTORED_TRY(wait_for_end(agent, id));
    run.restore_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    run.during_restore = probe.take();
  }
  RESTORED_TRY(agent.stop());
  for (const ControlReport* report : {&run.without_restore, &run.during_restore}) {
    if (report->first_failure.empty()) continue;
    return fail(ErrorCode::connection_failed, "a control request: " + report->first_failure);
  }
  return run;
}

void print(const char* what, const Latencies& latencies) {
  fmt::print("    {:<32} median {:6.2f} ms, p99 {:6.2f} ms, longest {:6.2f} ms ({} requests)\n",
             what, latencies.at(0.5) * 1e3, latencies.at(0.99) * 1e3, latencies.at(1) * 1e3,
             latencies.seconds.size());
}

boost::json::object to_json(const ControlReport& report) {
  return {{"reading", to_json(report.reading)}, {"changing", to_json(report.changing)}};
}

void add(Latencies& all, const Latencies& more) {
  all.seconds.insert(all.seconds.end(), more.seconds.begin(), more.seconds.end());
}

Result<void> run_all(const Options& options, const Scene& scene) {
  ControlReport without;
  ControlReport during;
  boost::json::array runs;
  for (unsigned count = 0; count < options.runs; ++count) {
    RESTORED_TRY(const Run run, measure(options, scene));
    add(without.reading, run.without_restore.reading);
    add(without.changing, run.without_restore.changing);
    add(during.reading, run.during_restore.reading);
    add(during.changing, run.during_restore.changing);
    runs.push_back({{"restore_seconds", run.restore_seconds},
                    {"without_restore", to_json(run.without_restore)},
                    {"during_restore", to_json(run.during_restore)}});
    if (options.json) continue;
    print_rate("restore, with control clients", run.restore_seconds, scene.content_bytes);
  }
  if (options.json) {
    const boost::json::object report{{"machine", to_json(machine_facts(scene.directory))},
                                     {"content_bytes", scene.content_bytes},
                                     {"clients", options.clients},
                                     {"without_restore", to_json(without)},
                                     {"during_restore", to_json(during)},
                                     {"runs", std::move(runs)}};
    fmt::print("{}\n", boost::json::serialize(report));
    return {};
  }
  fmt::print("{} clients, all runs together\n", options.clients);
  print("reading, without a restore", without.reading);
  print("reading, during a restore", during.reading);
  print("changing, without a restore", without.changing);
  print("changing, during a restore", during.changing);
  return {};
}

Result<void> run_command(const Options& options) {
  const auto bytes = parse_byte_size(options.bytes);
  if (!bytes) return fail(ErrorCode::invalid_argument, "sizes are numbers with B, KiB, MiB or GiB");
  RESTORED_TRY(const ScratchDirectory scratch, ScratchDirectory::make(options.state));
  Scene scene;
  scene.directory = std::filesystem::absolute(scratch.path()).string();
  RESTORED_TRY(with_engine(scene, [&](Engine& engine) { return build(engine, *bytes, scene); }));
  return run_all(options, scene);
}

}  // namespace

void add_control_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  options->agent = sibling_agent();
  auto* command = app.add_subcommand(
      "control", "ask the daemon's control socket all the time while it restores, cold");
  command->add_option("--bytes", options->bytes, "values to restore")->capture_default_str();
  command->add_option("--clients", options->clients)
      ->check(CLI::Range(1, 4))
      ->capture_default_str();
  command->add_option("--state", options->state, "directory to work in")->capture_default_str();
  command->add_option("--runs", options->runs)->check(CLI::Range(1, 100))->capture_default_str();
  command->add_option("--quiet-seconds", options->quiet_seconds, "clients without a restore")
      ->capture_default_str();
  command->add_option("--agent", options->agent, "the daemon")->capture_default_str();
  command->add_flag("--json", options->json);
  command->callback([options, &status] {
    const auto done = run_command(*options);
    if (!done) status = report_error(done.error());
  });
}

}  // namespace restored::bench
