#include "restore/open_engine.h"

#include <fmt/format.h>

#include <span>
#include <string>
#include <utility>

#include "base/log.h"
#include "restore/engine_facade.h"
#include "restore/recovery.h"
#include "restored/limits.h"
#include "store/open_store.h"
#include "store/throttled_store.h"

namespace restored::restore {
namespace {

Result<void> check_options(const EngineOptions& options) {
  if (!options.state_directory.starts_with('/')) {
    return fail(
        ErrorCode::invalid_configuration,
        fmt::format("the state directory \"{}\" is not an absolute path", options.state_directory));
  }
  if (options.memory_budget_bytes < limits::memory_budget_bytes_min) {
    return fail(ErrorCode::invalid_configuration,
                fmt::format("a memory budget of {} bytes is below the smallest one, {}",
                            options.memory_budget_bytes, limits::memory_budget_bytes_min));
  }
  return {};
}

// Two lines: the repository's URL and its id.
struct KnownRepository {
  std::string url;
  std::string id;
};

Result<KnownRepository> known_repository(EngineParts& parts) {
  const auto text = io::read_file(parts.files, parts.paths.repository(), 16 * kKiB);
  if (!text && text.error().code == ErrorCode::file_not_found) return KnownRepository{};
  if (!text) return std::unexpected(text.error());
  const std::size_t first = text->find('\n');
  const std::size_t second = first == std::string::npos ? first : text->find('\n', first + 1);
  if (second == std::string::npos) return KnownRepository{};
  return KnownRepository{text->substr(0, first), text->substr(first + 1, second - first - 1)};
}

// An empty place where backups stood is most often a file system that is not mounted. To begin a
// new repository there would send the next backups to the wrong device.
std::unexpected<Error> emptied(const EngineParts& parts, const KnownRepository& known) {
  return fail(ErrorCode::object_store_unavailable,
              fmt::format("there is nothing at {}, where repository {} was", known.url, known.id),
              fmt::format("Mount the repository's file system. To begin a new repository there, "
                          "delete {}.",
                          parts.paths.repository()));
}

Result<void> remember_repository(EngineParts& parts, const KnownRepository& known) {
  const KnownRepository now{parts.store->url(), parts.repository->id()};
  if (now.url == known.url && now.id == known.id) return {};
  if (now.url == known.url) {
    log::warning("restore", "{} is another repository than before: {} instead of {}", now.url,
                 now.id, known.id);
  }
  const std::string text = now.url + "\n" + now.id + "\n";
  return io::replace_file(parts.files, parts.paths.repository(), std::as_bytes(std::span(text)));
}

Result<void> open_repository(EngineParts& parts, const EngineSeams& seams) {
  RESTORED_TRY(parts.store, store::open_store(parts.options.repository_url, parts.files,
                                              parts.queue.get(), parts.options.store));
  if (seams.wrap_store) parts.store = seams.wrap_store(std::move(parts.store));
  parts.store = std::make_unique<store::ThrottledStore>(std::move(parts.store), parts.bandwidth);
  RESTORED_TRY(const KnownRepository known, known_repository(parts));
  const bool was_there = known.url == parts.store->url();
  using IfEmpty = backup::Repository::IfEmpty;
  auto repository = backup::Repository::open(*parts.store, parts.stopping.get_token(),
                                             was_there ? IfEmpty::refuse : IfEmpty::begin);
  if (!repository && was_there && repository.error().code == ErrorCode::object_not_found)
    return emptied(parts, known);
  RESTORED_TRY(parts.repository, std::move(repository));
  return remember_repository(parts, known);
}

}  // namespace

Result<std::unique_ptr<Engine>> open_engine(EngineOptions options, const EngineSeams& seams) {
  RESTORED_TRY(check_options(options));
  auto parts = std::make_unique<EngineParts>(std::move(options), seams);
  RESTORED_TRY(parts->files.make_directories(parts->paths.state));
  RESTORED_TRY(parts->state_lock, StateLock::acquire(parts->paths.lock()));
  RESTORED_TRY(parts->budget, MemoryBudget::make(parts->options.memory_budget_bytes));
  io::IoQueueOptions queue;
  queue.io_uring = parts->options.io_uring;
  queue.memory = parts->budget.get();
  RESTORED_TRY(parts->queue, io::open_io_queue(queue));
  RESTORED_TRY(open_repository(*parts, seams));
  RESTORED_TRY(parts->registry, registry::Registry::open(parts->paths.registry()));
  if (seams.wrap_registry) parts->registry = seams.wrap_registry(std::move(parts->registry));
  parts->shared = catalog::SharedResources::make(parts->options.block_cache_bytes);
  parts->operations = std::make_unique<OperationTable>(*parts->registry, parts->clock);
  if (Result<void> recovered = recover(*parts); !recovered) {
    close_parts(*parts);
    return std::unexpected(std::move(recovered).error());
  }
  log::info("restore", "engine is open: databases={} io_uring={} repository={}",
            parts->registry->databases().size(), parts->queue->on_ring(), parts->store->url());
  return std::make_unique<EngineFacade>(std::move(parts));
}

}  // namespace restored::restore

namespace restored {

Result<std::unique_ptr<Engine>> Engine::open(EngineOptions options) {
  return restore::open_engine(std::move(options), {});
}

}  // namespace restored
