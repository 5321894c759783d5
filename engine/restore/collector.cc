#include "restore/collector.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "backup/collection.h"
#include "backup/rekey.h"
#include "base/log.h"
#include "base/pause.h"
#include "base/random.h"
#include "base/thread_priority.h"
#include "restore/guarded.h"

namespace restored::restore {
namespace {

constexpr int retry_factor_max = 60;  // of the shortest wait

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

}  // namespace

Collector::Collector(EngineParts& parts)
    : parts_(parts), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Collector::stop() {
  stopping_.request_stop();
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Collector::request(backup::Leftovers leftovers) {
  {
    const MutexLock lock(mutex_);
    if (!pending_) pending_.emplace();
    pending_->add(std::move(leftovers));
  }
  changed_.notify_all();
}

Result<std::optional<backup::Leftovers>> Collector::begin(Kind kind, const std::stop_token& stop) {
  const MutexLock lock(mutex_);
  const bool turn =
      changed_.wait(mutex_, stop, [&]() NO_THREAD_SAFETY_ANALYSIS { return !collecting_; });
  if (!turn) return fail(ErrorCode::cancelled, "stopped before its turn");
  if (kind == Kind::requested && !pending_) return std::nullopt;
  // A copy may find no memory: nothing is begun by then. Nothing after it throws.
  backup::Leftovers leftovers;
  if (pending_) leftovers = kind == Kind::dry_run ? *pending_ : *std::exchange(pending_, {});
  collecting_ = true;
  return leftovers;
}

void Collector::end(Kind kind, bool done, backup::Leftovers leftovers) {
  {
    const MutexLock lock(mutex_);
    collecting_ = false;
    if (kind != Kind::dry_run && !done && !leftovers.backups.empty()) {
      if (!pending_) pending_.emplace();
      pending_->add(std::move(leftovers));
    }
  }
  changed_.notify_all();
}

Result<CollectionReport> Collector::collect(bool dry_run, std::stop_token stop) {
  return collect(dry_run ? Kind::dry_run : Kind::commanded, std::move(stop));
}

Result<CollectionReport> Collector::collect(Kind kind, std::stop_token stop) {
  std::stop_source either;
  const auto relay = [&either] { either.request_stop(); };
  const std::stop_callback on_stop(std::move(stop), relay);
  const std::stop_callback on_close(stopping_.get_token(), relay);
  backup::CollectionRequest request;
  request.dry_run = kind == Kind::dry_run;
  request.host = host_name();
  request.times = parts_.collection_times;
  RESTORED_TRY(std::optional<backup::Leftovers> leftovers, begin(kind, either.get_token()));
  if (!leftovers) return CollectionReport();
  request.leftovers = std::move(*leftovers);
  CollectionReport report;
  const Result<void> done = guarded([&]() -> Result<void> {
    RESTORED_TRY(backup::Repository * repository, parts_.repository->get(either.get_token()));
    RESTORED_TRY(report, backup::collect(*repository, request, either.get_token()));
    return {};
  });
  end(kind, done && report.failed == 0, std::move(request.leftovers));
  if (!done && stopping_.stop_requested())
    return fail(ErrorCode::shutting_down, "the agent is stopping");
  RESTORED_TRY(done);
  log::info("restore",
            "collection of {}: dry_run={} backups={} unreadable={} objects={} unreferenced={} "
            "young={} removed={} "
            "bytes={} documents={} uploads={} failed={} seconds={:.1f}",
            parts_.store->url(), request.dry_run, report.backups, report.backups_unreadable,
            report.objects, report.objects_unreferenced, report.objects_young,
            report.objects_removed, report.bytes_removed, report.documents_removed,
            report.uploads_removed, report.failed, report.seconds);
  return report;
}

Result<RekeyReport> Collector::rekey(bool keep_previous, std::stop_token stop) {
  std::stop_source either;
  const auto relay = [&either] { either.request_stop(); };
  const std::stop_callback on_stop(std::move(stop), relay);
  const std::stop_callback on_close(stopping_.get_token(), relay);
  const backup::RekeyRequest request{keep_previous, host_name(), parts_.collection_times};
  RekeyReport report;
  const Result<void> done = guarded([&]() -> Result<void> {
    RESTORED_TRY(backup::Repository * repository, parts_.repository->get(either.get_token()));
    RESTORED_TRY(report, backup::rekey(*repository, request, either.get_token()));
    return {};
  });
  if (!done && stopping_.stop_requested())
    return fail(ErrorCode::shutting_down, "the agent is stopping");
  RESTORED_TRY(done);
  log::info("restore",
            "data keys of {} are wrapped by key {}: found={} wrapped={} removed={} foreign={} "
            "unopened={}",
            parts_.store->url(), report.key, report.data_keys, report.wrapped, report.removed,
            report.foreign, report.unopened);
  return report;
}

bool Collector::wait_for_request(const std::stop_token& stop) {
  const MutexLock lock(mutex_);
  return changed_.wait(mutex_, stop,
                       [&]() NO_THREAD_SAFETY_ANALYSIS { return pending_.has_value(); });
}

void Collector::run(const std::stop_token& stop) {
  enter_background_thread("collector");
  const auto shortest = parts_.collection_times.retry;
  int factor = 1;
  while (wait_for_request(stop)) {
    CollectionReport report;
    const Result<void> done = guarded([&]() -> Result<void> {
      RESTORED_TRY(report, collect(Kind::requested, stop));
      return {};
    });
    if (stop.stop_requested()) return;
    if (done && report.failed == 0) {
      factor = 1;
      continue;
    }
    const bool others = !done && done.error().code == ErrorCode::collection_running;
    if (!done && !others)
      log::warning("restore", "a collection is tried again: {}", done.error().message);
    // Hosts that gave way to each other must not meet again at the same moment.
    const auto jitter = std::chrono::milliseconds(
        random_u64() % (static_cast<std::uint64_t>(shortest.count()) / 2 + 1));
    // The mark may be this host's own, of a run that failed: that resets nothing.
    pause((others ? 1 : factor) * shortest + jitter, stop);
    if (!others) factor = std::min(2 * factor, retry_factor_max);
  }
}

}  // namespace restored::restore
