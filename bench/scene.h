// What the commands without a database have in common: seeded objects in a repository, and how they
// are reached, directly or through a server that answers late.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "cpu_meter.h"
#include "link_proxy.h"
#include "parts.h"
#include "restored/error.h"
#include "seeded_objects.h"

namespace restored::bench {

struct SceneOptions {
  std::string bytes = "2GiB";
  std::string file_bytes = "64MiB";
  std::string budget = "256MiB";
  std::string state = ".";
  std::string repository;
  std::string link = "0";
  double compressible = 0.5;
  unsigned copies = 1;
  unsigned reads_max = limits::store_reads_max_default;
  unsigned decode_threads = 0;
  bool no_uring = false;

  void add_to(CLI::App& command);
};

// Threading: one thread.
class Scene {
 public:
  // Seeds the objects, calls `work`, and removes them again, whatever it returned.
  static Result<void> play(const SceneOptions& options,
                           const std::function<Result<void>(Scene&)>& work);

  const std::string& directory() const { return directory_; }
  const SeededObjects& objects() const { return objects_; }
  const PartsOptions& parts_options() const { return parts_options_; }
  const CpuMeter& cpu() const { return cpu_; }
  bool on_s3() const { return bench::on_s3(parts_options_.repository_url); }

  // The same store through a proxy that holds each answer back for so long, for as long as the
  // scene is there. REQUIRES: on_s3().
  Result<PartsOptions> behind_delay(std::chrono::milliseconds delay);

  // Everything at its place, the caches cold, then what `fetch` costs, with parts of its own:
  // nothing was found out about the store yet.
  Result<Cost> measure(const PartsOptions& options,
                       const std::function<Result<void>(Parts&)>& fetch);

 private:
  Scene() = default;
  CpuMeter cpu_;  // first: it counts the threads of the rest
  std::string directory_;
  PartsOptions direct_;  // without a link between
  PartsOptions parts_options_;
  std::uint64_t link_bytes_per_second_ = 0;
  SeededObjects objects_;
  std::vector<std::unique_ptr<LinkProxy>> proxies_;
};

// How many large reads at once the store allows by now. Nothing: it does not adapt.
std::optional<unsigned> reads_now(const ObjectStore& store);

}  // namespace restored::bench
