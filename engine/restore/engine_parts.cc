#include "restore/engine_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace restored::restore {
namespace {

std::thread make_system_thread(const std::function<void()>& work) {
  return std::thread(work);
}

}  // namespace

EngineParts::EngineParts(EngineOptions chosen, const EngineSeams& seams)
    : options(std::move(chosen)),
      paths{options.state_directory},
      files(seams.files != nullptr ? *seams.files : io::system_files()),
      clock(seams.clock != nullptr ? *seams.clock : system_clock()),
      step(seams.step),
      bandwidth(options.store.bandwidth_bytes_per_second, clock),
      collection_times(seams.collection_times),
      runner(seams.make_thread ? seams.make_thread : make_system_thread) {}

unsigned EngineParts::decode_threads() const {
  if (options.decode_threads != 0) return options.decode_threads;
  return std::max(1u, std::thread::hardware_concurrency());
}

StoreCall EngineParts::request_call() const {
  StoreCall call(stopping.get_token());
  call.patience = std::chrono::seconds(limits::store_request_patience_seconds);
  return call;
}

StoreCall EngineParts::brief_call() const {
  StoreCall call(stopping.get_token());
  call.patience = std::chrono::seconds(limits::store_brief_patience_seconds);
  return call;
}

pipeline::FetchEnvironment EngineParts::fetch_environment(Operation& operation,
                                                          pipeline::Progress& progress) {
  pipeline::FetchEnvironment environment{*store, files, *queue, *budget, progress};
  environment.waits = &operation.waits();
  environment.bandwidth = &operation.bandwidth();
  environment.decode_threads = decode_threads();
  environment.direct_io = options.direct_io;
  return environment;
}

catalog::OpenOptions EngineParts::database_options(const DatabaseId& id) const {
  return {paths.database(id), shared.get(), options.undo_seconds, &clock};
}

std::uint32_t EngineParts::today() const {
  constexpr UnixMillis day_millis = 24ll * 3600 * 1000;
  return static_cast<std::uint32_t>(std::max<UnixMillis>(clock.wall(), 0) / day_millis);
}

Result<void> EngineParts::change_record(
    const DatabaseId& id, const std::function<void(registry::DatabaseRecord&)>& change) {
  const MutexLock lock(changing_records);
  std::optional<registry::DatabaseRecord> record = registry->database(id);
  if (!record) {
    return fail(ErrorCode::database_not_found, fmt::format("database {} does not exist", id.value));
  }
  change(*record);
  return registry->put_database(*record);
}

Result<void> EngineParts::choose_default(const DatabaseId& id) {
  const MutexLock lock(changing_records);
  return registry->choose_default(id);
}

std::string agent_version() {
  return RESTORED_VERSION;
}

}  // namespace restored::restore
