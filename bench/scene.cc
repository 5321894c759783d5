#include "scene.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "byte_size.h"
#include "io/file_system.h"
#include "machine.h"
#include "restored/limits.h"
#include "store/s3_location.h"
#include "store/s3_store.h"

namespace restored::bench {

void SceneOptions::add_to(CLI::App& command) {
  decode_threads = std::max(1u, std::thread::hardware_concurrency());
  command.add_option("--bytes", bytes, "content to restore")->capture_default_str();
  command.add_option("--file-bytes", file_bytes)->capture_default_str();
  command.add_option("--copies", copies, "files that each object becomes")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--compressible", compressible, "part that compresses away")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command.add_option(
      "--repository", repository,
      "URL, s3://bucket/prefix with AWS_* variables; works below it [below --state]");
  command.add_option("--link", link, "at most so many bytes a second from S3; 0: no limit")
      ->capture_default_str();
  command.add_option("--state", state, "directory to work in")->capture_default_str();
  command.add_option("--memory-budget", budget)->capture_default_str();
  command.add_option("--reads-max", reads_max)->capture_default_str();
  command.add_option("--decode-threads", decode_threads)->capture_default_str();
  command.add_flag("--no-uring", no_uring, "use the pread/pwrite pool");
}

Result<void> Scene::play(const SceneOptions& options,
                         const std::function<Result<void>(Scene&)>& work) {
  const auto bytes = parse_byte_size(options.bytes);
  const auto file_bytes = parse_byte_size(options.file_bytes);
  const auto budget_bytes = parse_byte_size(options.budget);
  const auto link = parse_byte_size(options.link);
  if (!bytes || !file_bytes || *file_bytes == 0 || !budget_bytes || !link) {
    return fail(ErrorCode::invalid_argument, "sizes are numbers with B, KiB, MiB or GiB");
  }
  RESTORED_TRY(const ScratchDirectory scratch, ScratchDirectory::make(options.state));
  Scene scene;
  scene.directory_ = std::filesystem::absolute(scratch.path()).string();
  scene.direct_.repository_url = scratch_repository_url(options.repository, scene.directory_);
  scene.direct_.store.reads_max = options.reads_max;
  scene.direct_.budget_bytes = *budget_bytes;
  scene.direct_.io_uring = !options.no_uring;
  RESTORED_TRY(const Parts parts, open_parts(scene.direct_));
  const SeededContent content{*bytes, *file_bytes, options.compressible, options.copies};
  const auto seed_and_work = [&]() -> Result<void> {
    RESTORED_TRY(scene.objects_,
                 make_seeded_objects(content, parts, scene.directory_, options.decode_threads));
    scene.link_bytes_per_second_ = *link;
    scene.parts_options_ = scene.direct_;
    if (*link > 0) {
      RESTORED_TRY(scene.parts_options_, scene.behind_delay(std::chrono::milliseconds(0)));
    }
    return work(scene);
  };
  auto done = seed_and_work();
  auto emptied = empty_repository(*parts.store);
  RESTORED_TRY(done);
  return emptied;
}

Result<PartsOptions> Scene::behind_delay(std::chrono::milliseconds delay) {
  PartsOptions options = direct_;
  RESTORED_TRY(const auto location, store::locate(options.repository_url, options.store.s3,
                                                  store::process_environment()));
  RESTORED_TRY(auto proxy, LinkProxy::start(location.endpoint, {delay, link_bytes_per_second_}));
  options.store.s3.endpoint = proxy->endpoint();
  options.store.s3.addressing = Addressing::path;
  proxies_.push_back(std::move(proxy));
  return options;
}

Result<Cost> Scene::measure(const PartsOptions& options,
                            const std::function<Result<void>(Parts&)>& fetch) {
  RESTORED_TRY(Parts parts, open_parts(options));
  RESTORED_TRY(io::system_files().make_directories(directory_ + "/target"));
  settle();
  RESTORED_TRY(const Cost cost, cpu_.measure([&]() -> Result<double> {
    const auto begin = std::chrono::steady_clock::now();
    RESTORED_TRY(fetch(parts));
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }));
  RESTORED_TRY(io::system_files().remove_tree(directory_ + "/target"));
  return cost;
}

std::optional<unsigned> reads_now(const ObjectStore& store) {
  const auto* s3 = dynamic_cast<const store::S3Store*>(&store);
  if (s3 == nullptr) return {};
  return s3->reads_now();
}

}  // namespace restored::bench
