#include "restore/housekeeping.h"

#include <chrono>
#include <exception>

#include "base/log.h"
#include "base/pause.h"
#include "base/thread_priority.h"
#include "restore/broken_instance.h"
#include "restore/database_lifecycle.h"
#include "restore/unrecorded_ends.h"
#include "restored/limits.h"

namespace restored::restore {

Housekeeping::Housekeeping(EngineParts& parts)
    : parts_(parts), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Housekeeping::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Housekeeping::run(const std::stop_token& stop) {
  enter_background_thread("housekeeping");
  auto usage_at = std::chrono::steady_clock::now();
  for (std::uint64_t seconds = 0; !stop.stop_requested(); ++seconds) {
    try {
      parts_.operations->sample_rates();
      parts_.operations->end_overdue(parts_.options.operation_seconds_max);
      record_ends(parts_);
      erase_removed(parts_);
      if (seconds % limits::retire_check_seconds == 0) {
        retire_expired();
        remove_leftovers(parts_);
        remove_ended_staging();
      }
      if (seconds % limits::repository_retry_seconds == 0) reach_repository(stop);
      if (seconds % limits::forget_operations_seconds == 0) forget_old_operations();
      // A turn may take longer than a second; the minute of what a crash loses is one.
      if (const auto now = std::chrono::steady_clock::now(); now >= usage_at) {
        usage_at = now + std::chrono::seconds(limits::usage_flush_seconds);
        record_usage();
      }
    } catch (const std::exception& error) {
      log::error("restore", "housekeeping: {}", error.what());
    } catch (...) {
      log::error("restore", "housekeeping: unknown exception");
    }
    pause(std::chrono::seconds(1), stop);
  }
}

void Housekeeping::reach_repository(const std::stop_token& stop) {
  if (parts_.repository->is_open()) return;
  StoreCall call = parts_.brief_call();
  call.stop = stop;
  if (parts_.repository->get(call)) {
    log::info("restore", "the repository {} can be used now", parts_.store->url());
  }
}

void Housekeeping::retire_expired() {
  const UnixMillis now = parts_.clock.wall();
  for (const DatabaseId& id : parts_.databases.ids()) {
    const OpenDatabases::Pointer database = parts_.databases.find(id);
    if (!database) continue;
    const catalog::CatalogState state = database->state();
    if (!state.previous || !state.previous_until || *state.previous_until > now) continue;
    // A database with a running operation is looked at again later.
    const std::optional<Claim> claim = parts_.databases.try_claim(id);
    if (!claim) continue;
    if (const Result<void> retired = claim->database().retire_expired(now); !retired) {
      log::warning("restore", "database={} keeps its previous generation: {}", id.value,
                   retired.error().message);
    }
  }
}

void Housekeeping::remove_ended_staging() {
  for (const DatabaseId& id : parts_.databases.ids()) {
    const Result<std::vector<io::Entry>> entries = parts_.files.list(parts_.paths.staging(id));
    if (!entries) continue;  // there never was one
    for (const io::Entry& entry : *entries) {
      // Its directory, or the mark of its end, which is needed until that is on record. An
      // operation that is not known is forgotten, or was before this start, which could not remove
      // it.
      const std::string name = entry.name.substr(0, entry.name.find('.'));
      if (name.empty()) continue;  // a mark that is being written
      const auto operation = parts_.operations->find(OperationId(name));
      if (operation && (*operation)->view().state == OperationState::running) continue;
      if (operation && name != entry.name && (*operation)->unrecorded_end()) continue;
      const std::string path = parts_.paths.staging(id) + "/" + entry.name;
      if (const Result<void> removed = parts_.files.remove_tree(path); !removed) {
        log::warning("restore", "operation={} leaves {}: {}", name, entry.name,
                     removed.error().message);
      }
    }
  }
}

void Housekeeping::record_usage() {
  registry::UsageStore& usage = parts_.registry->usage();
  Result<void> recorded = usage.flush();
  const std::uint32_t today = parts_.today();
  if (recorded && today >= limits::usage_days_max) {
    recorded = usage.forget_before(today - limits::usage_days_max + 1);
  }
  if (!recorded) {
    log::warning("restore", "the commands of a day are not on record yet: {}",
                 recorded.error().message);
  }
}

void Housekeeping::forget_old_operations() {
  const auto kept = static_cast<UnixMillis>(limits::operation_retention_seconds) * 1000;
  const Result<void> forgotten =
      parts_.operations->forget_old(parts_.clock.wall() - kept, limits::ended_operations_max);
  if (!forgotten) {
    log::warning("restore", "old operations stay: {}", forgotten.error().message);
  }
  const Result<void> requests = parts_.registry->requests().forget_old(parts_.clock.wall());
  if (!requests) {
    log::warning("restore", "old requests stay: {}", requests.error().message);
  }
}

}  // namespace restored::restore
