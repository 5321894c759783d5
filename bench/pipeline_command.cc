#include "pipeline_command.h"

#include <fmt/core.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "base/log.h"
#include "byte_size.h"
#include "ceilings.h"
#include "machine.h"
#include "pipeline/fetch.h"
#include "pipeline/upload.h"
#include "report.h"
#include "restored/limits.h"
#include "seeded_values.h"
#include "store/open_store.h"

namespace restored::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string bytes = "2GiB";
  std::string file_bytes = "64MiB";
  std::string budget = "256MiB";
  std::string state = ".";
  double compressible = 0.5;
  unsigned runs = 3;
  unsigned decode_threads = std::max(1u, std::thread::hardware_concurrency());
  bool no_uring = false;
  bool json = false;
};

// The parts that a restore is made of, opened once.
struct Parts {
  std::unique_ptr<MemoryBudget> budget;
  std::unique_ptr<io::IoQueue> queue;
  std::unique_ptr<ObjectStore> store;
};

Result<Parts> open_parts(const Options& options, const std::string& directory,
                         std::uint64_t budget_bytes) {
  Parts parts;
  RESTORED_TRY(parts.budget, MemoryBudget::make(budget_bytes));
  io::IoQueueOptions queue_options;
  queue_options.io_uring = !options.no_uring;
  queue_options.memory = parts.budget.get();
  RESTORED_TRY(parts.queue, io::open_io_queue(queue_options));
  RESTORED_TRY(parts.store, store::open_store("file://" + directory + "/repository",
                                              io::system_files(), parts.queue.get()));
  return parts;
}

struct Backup {
  std::vector<pipeline::UploadedFile> uploaded;
  std::vector<pipeline::FetchFile> files;
  std::uint64_t content_bytes = 0;
  std::uint64_t stored_bytes = 0;
  double upload_seconds = 0;
};

Result<void> write_source(const std::string& path, std::uint64_t bytes, std::uint64_t seed,
                          double random_part) {
  RESTORED_TRY(auto file, io::system_files().open(path, io::Access::create, io::Caching::buffered));
  SeededBytes seeded(seed);
  std::vector<std::byte> block(1 * kMiB);
  for (std::uint64_t offset = 0; offset < bytes; offset += block.size()) {
    const auto part = std::span(block).first(std::min<std::uint64_t>(block.size(), bytes - offset));
    seeded.fill(part, random_part);
    RESTORED_TRY(file->write_at(offset, part));
  }
  return file->close();
}

Result<Backup> make_backup(const Options& options, const std::string& directory, Parts& parts,
                           std::uint64_t bytes, std::uint64_t file_bytes) {
  Backup backup;
  RESTORED_TRY(io::system_files().make_directories(directory + "/source"));
  std::vector<pipeline::UploadFile> sources;
  for (std::uint64_t offset = 0; offset < bytes; offset += file_bytes) {
    const std::string name = fmt::format("{:06}.sst", sources.size());
    const std::string path = directory + "/source/" + name;
    const std::uint64_t size_bytes = std::min(file_bytes, bytes - offset);
    RESTORED_TRY(write_source(path, size_bytes, sources.size(), 1 - options.compressible));
    sources.push_back({name, path, size_bytes});
  }
  pipeline::Progress progress;
  const pipeline::UploadEnvironment environment{*parts.store,
                                                io::system_files(),
                                                *parts.budget,
                                                progress,
                                                nullptr,
                                                nullptr,
                                                options.decode_threads,
                                                1};
  const auto begin = Clock::now();
  RESTORED_TRY(backup.uploaded, pipeline::upload(sources, environment, {}));
  backup.upload_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  for (std::size_t index = 0; index < sources.size(); ++index) {
    const auto& uploaded = backup.uploaded[index];
    backup.files.push_back({sources[index].name,
                            format::object_key(uploaded.content),
                            directory + "/target/" + sources[index].name,
                            sources[index].size_bytes,
                            uploaded.frames,
                            {}});
    backup.content_bytes += sources[index].size_bytes;
    backup.stored_bytes += uploaded.stored_bytes;
  }
  RESTORED_TRY(io::system_files().remove_tree(directory + "/source"));
  return backup;
}

struct Run {
  double seconds = 0;
  double fetch_busy = 0;
  double decode_busy = 0;
  double write_busy = 0;
  Ceilings ceilings;
  double efficiency() const { return ceilings.slowest_seconds() / seconds; }
};

Result<Run> run_once(const Options& options, const std::string& directory, Parts& parts,
                     const Backup& backup) {
  Run run;
  pipeline::Progress progress;
  const pipeline::FetchEnvironment environment{
      *parts.store, io::system_files(),     *parts.queue, *parts.budget, progress, nullptr,
      nullptr,      options.decode_threads, true};
  RESTORED_TRY(io::system_files().make_directories(directory + "/target"));
  settle();
  const auto begin = Clock::now();
  RESTORED_TRY(pipeline::fetch(backup.files, environment, {}, {}));
  run.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  run.fetch_busy = progress.busy_seconds(pipeline::Stage::fetch);
  run.decode_busy = progress.busy_seconds(pipeline::Stage::decode);
  run.write_busy = progress.busy_seconds(pipeline::Stage::write);
  RESTORED_TRY(io::system_files().remove_tree(directory + "/target"));
  RESTORED_TRY(run.ceilings, measure_ceilings(backup.files, environment, directory, true));
  return run;
}

void print_run(const Run& run, const Backup& backup) {
  print_rate("fetch to files", run.seconds, backup.content_bytes);
  fmt::print("    busy: fetch {:.2f} s, decode {:.2f} s, write {:.2f} s\n", run.fetch_busy,
             run.decode_busy, run.write_busy);
  print_ceilings(run.ceilings, backup.content_bytes);
  fmt::print("  {:<28} {:8.3f}    (slowest: {})\n", "efficiency", run.efficiency(),
             run.ceilings.slowest_name());
}

boost::json::object to_json(const Run& run) {
  return {{"seconds", run.seconds},
          {"fetch_busy_seconds", run.fetch_busy},
          {"decode_busy_seconds", run.decode_busy},
          {"write_busy_seconds", run.write_busy},
          {"ceilings", to_json(run.ceilings)},
          {"efficiency", run.efficiency()}};
}

Result<void> run_command(const Options& options) {
  const auto bytes = parse_byte_size(options.bytes);
  const auto file_bytes = parse_byte_size(options.file_bytes);
  const auto budget_bytes = parse_byte_size(options.budget);
  if (!bytes || !file_bytes || *file_bytes == 0 || !budget_bytes) {
    return fail(ErrorCode::invalid_argument, "sizes are numbers with B, KiB, MiB or GiB");
  }
  RESTORED_TRY(const ScratchDirectory scratch, ScratchDirectory::make(options.state));
  const std::string directory = std::filesystem::absolute(scratch.path()).string();
  RESTORED_TRY(Parts parts, open_parts(options, directory, *budget_bytes));
  RESTORED_TRY(const Backup backup, make_backup(options, directory, parts, *bytes, *file_bytes));
  const bool cold = drop_page_cache();
  std::vector<double> seconds;
  std::vector<double> efficiencies;
  boost::json::array runs;
  if (!options.json) {
    fmt::print("{} in {} files, stored {:.3f} of it, uploaded in {:.2f} s, {}, {} cache\n",
               byte_size_text(backup.content_bytes), backup.files.size(),
               static_cast<double>(backup.stored_bytes) / static_cast<double>(backup.content_bytes),
               backup.upload_seconds, parts.queue->on_ring() ? "io_uring" : "thread pool",
               cold ? "cold" : "WARM (dropping it needs root)");
  }
  for (unsigned count = 0; count < options.runs; ++count) {
    RESTORED_TRY(const Run run, run_once(options, directory, parts, backup));
    seconds.push_back(run.seconds);
    efficiencies.push_back(run.efficiency());
    runs.push_back(to_json(run));
    if (!options.json) print_run(run, backup);
  }
  if (options.json) {
    const boost::json::object report{{"machine", to_json(machine_facts(directory))},
                                     {"content_bytes", backup.content_bytes},
                                     {"stored_bytes", backup.stored_bytes},
                                     {"files", backup.files.size()},
                                     {"cold_cache", cold},
                                     {"io_uring", parts.queue->on_ring()},
                                     {"peak_lease_bytes", parts.budget->peak_bytes()},
                                     {"upload_seconds", backup.upload_seconds},
                                     {"median_seconds", median(seconds)},
                                     {"median_efficiency", median(efficiencies)},
                                     {"runs", runs}};
    fmt::print("{}\n", boost::json::serialize(report));
  } else {
    fmt::print("median of {}: {:.3f} s, efficiency {:.3f}\n", options.runs, median(seconds),
               median(efficiencies));
  }
  return {};
}

}  // namespace

void add_pipeline_command(CLI::App& app, int& status) {
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("pipeline", "fetch seeded files, without a database");
  command->add_option("--bytes", options->bytes, "content to restore")->capture_default_str();
  command->add_option("--file-bytes", options->file_bytes)->capture_default_str();
  command->add_option("--memory-budget", options->budget)->capture_default_str();
  command->add_option("--state", options->state, "directory to work in")->capture_default_str();
  command->add_option("--compressible", options->compressible, "part that compresses away")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--runs", options->runs)->check(CLI::Range(1, 100))->capture_default_str();
  command->add_option("--decode-threads", options->decode_threads)->capture_default_str();
  command->add_flag("--no-uring", options->no_uring, "use the pread/pwrite pool");
  command->add_flag("--json", options->json);
  command->callback([options, &status] {
    const auto done = run_command(*options);
    if (done) return;
    fmt::print(stderr, "restore-bench: {}\n", done.error().message);
    status = facts(done.error().code).exit_status;
  });
}

}  // namespace restored::bench
