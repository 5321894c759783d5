#include "encryption_command.h"

#include <fmt/core.h>

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/random.h"
#include "byte_size.h"
#include "machine.h"
#include "paired_runs.h"
#include "report.h"
#include "restore_run.h"
#include "restored/engine.h"
#include "seal_speed.h"
#include "test_database.h"

namespace restored::bench {
namespace {

struct Options {
  std::string bytes = "1GiB";
  std::string budget = "256MiB";
  std::string state = ".";
  double compressible = 0.5;
  unsigned pairs = 5;
  bool json = false;
};

struct Scene {
  std::string directory;
  std::uint64_t bytes = 0;
  std::uint64_t budget_bytes = 0;
  DatabaseId database;
  ContentHash hash;
  BackupInfo backup;  // the last one
  unsigned runs = 0;
};

// One backup into an empty repository, and one restore of it.
struct Times {
  double backup_seconds = 0;
  double restore_seconds = 0;
};

std::string key_file(const Scene& scene) {
  return scene.directory + "/key";
}

void write_key(const Scene& scene) {
  std::array<std::byte, 32> key{};
  fill_random(key);
  std::ofstream(key_file(scene)) << to_hex(key) << '\n';
  std::filesystem::permissions(key_file(scene), std::filesystem::perms::owner_read);
}

Result<void> with_engine(const Scene& scene, const std::string& repository, bool encrypt,
                         const std::function<Result<void>(Engine&)>& work) {
  EngineOptions options;
  options.state_directory = scene.directory + "/state";
  options.repository_url = "file://" + repository;
  options.memory_budget_bytes = scene.budget_bytes;
  options.block_cache_bytes = 64 * kMiB;
  if (encrypt) options.encryption.key_file = key_file(scene);
  RESTORED_TRY(auto engine, Engine::open(options));
  auto done = work(*engine);
  auto closed = engine->close();
  RESTORED_TRY(done);
  return closed;
}

Result<void> fill_database(Engine& engine, const Options& options, Scene& scene) {
  CreateDatabase request;
  request.name = "restore-bench";
  RESTORED_TRY(const CreatedDatabase created, engine.create_database(request, "restore-bench"));
  scene.database = created.info.id;
  const auto keyspace = engine.keyspace(scene.database);
  RESTORED_TRY(fill(*keyspace, {scene.bytes, 4096, options.compressible}));
  RESTORED_TRY(scene.hash, content_hash(*keyspace));
  return {};
}

Result<Times> run_once(Engine& engine, Scene& scene) {
  Times times;
  const auto begin = std::chrono::steady_clock::now();
  RESTORED_TRY(const OperationView started,
               engine.start_backup(scene.database, "bench", "restore-bench"));
  RESTORED_TRY(const OperationView ended, wait_for(engine, started.id));
  times.backup_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  RESTORED_TRY(scene.backup, engine.backup(ended.backup));
  RESTORED_TRY(replace_content(*engine.keyspace(scene.database), scene.directory + "/state"));
  RESTORED_TRY(const RestoreRun run, run_in_process(engine, {scene.database, ended.backup, 0.2}));
  times.restore_seconds = run.seconds;
  RESTORED_TRY(const ContentHash found, content_hash(*engine.keyspace(scene.database)));
  if (found.hex != scene.hash.hex) return fail(ErrorCode::corruption, "the content differs");
  return times;
}

Result<double> measure(Scene& scene, bool encrypt, std::vector<double>& restores) {
  const std::string repository = scene.directory + fmt::format("/repository-{}", scene.runs++);
  Times times;
  RESTORED_TRY(with_engine(scene, repository, encrypt, [&](Engine& engine) -> Result<void> {
    RESTORED_TRY(times, run_once(engine, scene));
    return {};
  }));
  std::filesystem::remove_all(repository);
  restores.push_back(times.restore_seconds);
  return times.backup_seconds;
}

void print_pairs(const char* what, const PairedRuns& runs, std::uint64_t bytes) {
  print_rate(fmt::format("{}, not encrypted, median", what).c_str(), median(runs.first_seconds),
             bytes);
  print_rate(fmt::format("{}, encrypted, median", what).c_str(), median(runs.second_seconds),
             bytes);
  fmt::print(
      "    encrypted runs at {:.3f} of the other's speed (median of {} pairs), {:.3f} at "
      "least\n",
      runs.median_ratio(), runs.first_seconds.size(), runs.least_ratio());
}

Result<void> run_command(const Options& options) {
  const auto bytes = parse_byte_size(options.bytes);
  const auto budget = parse_byte_size(options.budget);
  if (!bytes || !budget)
    return fail(ErrorCode::invalid_argument, "sizes are numbers with B, KiB, MiB or GiB");
  RESTORED_TRY(const ScratchDirectory scratch, ScratchDirectory::make(options.state));
  Scene scene;
  scene.directory = std::filesystem::absolute(scratch.path()).string();
  scene.bytes = *bytes;
  scene.budget_bytes = *budget;
  write_key(scene);
  RESTORED_TRY(with_engine(scene, scene.directory + "/repository", false,
                           [&](Engine& engine) { return fill_database(engine, options, scene); }));
  // One that counts for neither: the first run finds colder things than the others.
  std::vector<double> ignored;
  RESTORED_TRY(measure(scene, false, ignored));
  PairedRuns restores;
  RESTORED_TRY(const PairedRuns backups,
               run_pairs(
                   options.pairs, [&] { return measure(scene, false, restores.first_seconds); },
                   [&] { return measure(scene, true, restores.second_seconds); }));
  const SealSpeed speed = measure_seal_speed();
  const std::uint64_t content_bytes = scene.backup.content_bytes;
  if (options.json) {
    const boost::json::object report{{"machine", to_json(machine_facts(scene.directory))},
                                     {"content_bytes", content_bytes},
                                     {"stored_bytes", scene.backup.stored_bytes},
                                     {"content_hash", scene.hash.hex},
                                     {"backups", to_json(backups)},
                                     {"restores", to_json(restores)},
                                     {"seal_bytes_per_second", speed.seal_bytes_per_second},
                                     {"open_bytes_per_second", speed.open_bytes_per_second},
                                     {"name_bytes_per_second", speed.name_bytes_per_second},
                                     {"seal_one_core_bytes_per_second", speed.seal_one_core}};
    fmt::print("{}\n", boost::json::serialize(report));
    return {};
  }
  fmt::print("{} of content, {} stored, hash {}\n", byte_size_text(content_bytes),
             byte_size_text(scene.backup.stored_bytes), scene.hash.hex);
  print_pairs("backup", backups, content_bytes);
  print_pairs("restore", restores, content_bytes);
  fmt::print(
      "ceilings, all cores: seal {:.2f} GB/s, open {:.2f} GB/s of stored bytes, name {:.2f} "
      "GB/s of content; seal on one core {:.2f} GB/s\n",
      speed.seal_bytes_per_second / 1e9, speed.open_bytes_per_second / 1e9,
      speed.name_bytes_per_second / 1e9, speed.seal_one_core / 1e9);
  return {};
}

}  // namespace

void add_encryption_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "encryption", "back a seeded database up and restore it, with and without a key, in pairs");
  command->add_option("--bytes", options->bytes, "values to restore")->capture_default_str();
  command->add_option("--compressible", options->compressible, "part that compresses away")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--state", options->state, "directory to work in")->capture_default_str();
  command->add_option("--memory-budget", options->budget)->capture_default_str();
  command->add_option("--pairs", options->pairs)->check(CLI::Range(1, 100))->capture_default_str();
  command->add_flag("--json", options->json);
  command->callback([options, &status] {
    const auto done = run_command(*options);
    if (!done) status = report_error(done.error());
  });
}

}  // namespace restored::bench
