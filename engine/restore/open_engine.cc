#include "restore/open_engine.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "hook/hooks.h"
#include "restore/engine_facade.h"
#include "restore/recovery.h"
#include "restore/wrapping_keys.h"
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
  return hook::check(options.hooks);
}

// Before anything is touched: an agent that was told to encrypt does nothing without its key.
Result<void> read_keys(EngineParts& parts) {
  const EncryptionOptions& options = parts.options.encryption;
  RESTORED_TRY(std::vector<format::WrappingKey> keys, read_wrapping_keys(options));
  if (!keys.empty()) {
    log::info("restore", "backups are encrypted: key={} previous_keys={} accept_unencrypted={}",
              keys.front().id(), keys.size() - 1, options.accept_unencrypted);
  }
  parts.keys = std::make_unique<const backup::KeyRing>(std::move(keys), options.accept_unencrypted);
  return {};
}

// A repository on this host belongs to what must be there at the start. One in object storage may
// be away for hours, in which databases are served all the same.
Result<void> open_repository(EngineParts& parts, const EngineSeams& seams) {
  RESTORED_TRY(parts.store, store::open_store(parts.options.repository_url, parts.files,
                                              parts.queue.get(), parts.options.store));
  if (seams.wrap_store) parts.store = seams.wrap_store(std::move(parts.store));
  parts.store = std::make_unique<store::ThrottledStore>(std::move(parts.store), parts.bandwidth);
  parts.repository = std::make_unique<RepositoryAccess>(*parts.store, *parts.keys, parts.files,
                                                        parts.paths.repository());
  const auto reached = parts.repository->get(parts.brief_call());
  if (reached || parts.store->url().starts_with("file://")) {
    return reached ? Result<void>() : std::unexpected(reached.error());
  }
  log::error("restore", "databases are served, but the repository cannot be used: {} hint=\"{}\"",
             reached.error().message, reached.error().hint_text());
  return {};
}

}  // namespace

Result<std::unique_ptr<Engine>> open_engine(EngineOptions options, const EngineSeams& seams) {
  RESTORED_TRY(check_options(options));
  auto parts = std::make_unique<EngineParts>(std::move(options), seams);
  RESTORED_TRY(read_keys(*parts));
  RESTORED_TRY(parts->files.make_directories(parts->paths.state));
  // What an agent that was killed has put into it, or taken out, is relied on from here on.
  RESTORED_TRY(parts->files.sync_directory(parts->paths.state));
  RESTORED_TRY(parts->state_lock, parts->files.lock(parts->paths.lock()));
  RESTORED_TRY(io::remove_cut_off_replacements(parts->files, parts->paths.state));
  RESTORED_TRY(parts->budget, MemoryBudget::make(parts->options.memory_budget_bytes));
  io::IoQueueOptions queue;
  queue.io_uring = parts->options.io_uring;
  queue.memory = parts->budget.get();
  RESTORED_TRY(parts->queue, io::open_io_queue(queue));
  RESTORED_TRY(open_repository(*parts, seams));
  RESTORED_TRY(parts->registry, registry::Registry::open(parts->paths.registry(), seams.disk));
  if (seams.wrap_registry) parts->registry = seams.wrap_registry(std::move(parts->registry));
  parts->shared = catalog::SharedResources::make(parts->options.block_cache_bytes, seams.disk);
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
