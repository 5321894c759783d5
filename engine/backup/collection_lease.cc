#include "backup/collection_lease.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "backup/delayed_stop.h"
#include "backup/marks.h"
#include "base/log.h"
#include "base/pause.h"
#include "base/random.h"
#include "base/thread_priority.h"
#include "format/contents.h"

namespace restored::backup {
namespace {

// How often two that began at the same moment look whether the other one has given way.
constexpr int looks_max = 5;
constexpr std::chrono::milliseconds tidy_time(250);

}  // namespace

Result<std::unique_ptr<CollectionLease>> CollectionLease::take(ObjectStore& store, std::string host,
                                                               const CollectionTimes& times,
                                                               const StoreCall& call) {
  std::unique_ptr<CollectionLease> lease(
      new CollectionLease(store, random_id(), std::move(host), times));
  Result<void> first = lease->write_mark(call);
  if (first) first = lease->come_first(call);
  if (first) {
    lease->begin(call);
    return lease;
  }
  const DelayedStop soon(call.stop, tidy_time);
  StoreCall tidy = call;
  tidy.stop = soon.token();
  tidy.patience = times.renew;
  if (const auto removed = lease->release(tidy); !removed)
    log::warning("backup", "{} stays until it is stale: {}", format::mark_key(lease->id_),
                 removed.error().message);
  return std::unexpected(std::move(first).error());
}

Result<void> CollectionLease::write_mark(const StoreCall& call) {
  const Time began = BootClock::now();
  const std::string mark = format::encode_mark({id_, host_});
  RESTORED_TRY(store_.put(format::mark_key(id_), std::as_bytes(std::span(mark)), call));
  const MutexLock lock(mutex_);
  renewed_at_ = began;
  return {};
}

// Goes on only when no other mark is there that counts. Of two that see each other the later one
// gives way, and the earlier one waits for that: a mark that stays is one of a running collection,
// however late its last renewal made it.
Result<void> CollectionLease::come_first(const StoreCall& call) {
  for (int look = 0;; ++look) {
    RESTORED_TRY(const std::vector<Mark> marks, list_marks(store_, call));
    const auto own = std::ranges::find(marks, id_, &Mark::id);
    if (own == marks.end())
      return fail(ErrorCode::object_changed, format::mark_key(id_) + " is gone at once");
    const auto earlier = [](const Mark& a, const Mark& b) {
      return std::tie(a.modified, a.id) < std::tie(b.modified, b.id);
    };
    const Mark* other = nullptr;
    bool first = true;
    std::vector<std::string> stale;
    for (const Mark& mark : marks) {
      if (mark.id == id_) continue;
      if (mark.modified + times_.stale.count() <= own->modified) {
        stale.push_back(format::mark_key(mark.id));
        continue;
      }
      other = &mark;
      first = first && earlier(*own, mark);
    }
    if (other == nullptr) {
      store_time_ = own->modified;
      for (const std::string& key : stale) {
        log::info("backup", "removes {}, which a collection that was cut off has left", key);
        RESTORED_TRY(store_.remove(key, call));
      }
      return {};
    }
    if (!first || look == looks_max)
      return fail(ErrorCode::collection_running,
                  fmt::format("{} runs in {}", describe(store_, *other, call), store_.url()));
    if (!pause(times_.look, call.stop)) return fail(ErrorCode::cancelled, "stopped");
  }
}

void CollectionLease::begin(const StoreCall& call) {
  renewer_ = std::jthread([this, call](const std::stop_token& stop) { renew(stop, call); });
  watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

CollectionLease::Time CollectionLease::renewed_at() const {
  const MutexLock lock(mutex_);
  return renewed_at_;
}

bool CollectionLease::lapsed() const {
  return lapse_.stop_requested() || BootClock::now() >= renewed_at() + times_.remove;
}

void CollectionLease::renew(const std::stop_token& stop, StoreCall call) {
  enter_background_thread("collection-mark");
  call.stop = abort_.get_token();  // a collection that is stopped keeps it while removals end
  call.bandwidth = nullptr;
  call.patience = times_.renew;  // a renewal that takes longer is begun anew
  auto wait = times_.renew;
  while (true) {
    if (!pause(wait, stop) || lapsed()) return;
    Result<void> written;
    try {
      written = write_mark(call);
    } catch (const std::exception& error) {  // a thread's boundary; not renewed is all it is
      written = fail(ErrorCode::internal, error.what());
    }
    if (!written && !stop.stop_requested())
      log::warning("backup", "{} is not renewed: {}", format::mark_key(id_),
                   written.error().message);
    wait = written ? times_.renew : times_.renew / 10;
  }
}

void CollectionLease::watch(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto left = renewed_at() + times_.remove - BootClock::now();
    if (left <= left.zero()) {
      log::warning("backup", "{} could not be renewed in time: nothing more is removed",
                   format::mark_key(id_));
      lapse_.request_stop();
      return;
    }
    pause(std::chrono::ceil<std::chrono::milliseconds>(left), stop);
  }
}

bool CollectionLease::refused(const Error& error) {
  return error.code == ErrorCode::store_permission_denied ||
         error.code == ErrorCode::store_misconfigured || error.code == ErrorCode::invalid_argument;
}

Result<void> CollectionLease::release(const StoreCall& call) {
  if (renewer_.joinable()) {
    // Its last renewal would write the mark again, so it comes to its end first.
    const std::stop_callback abort(call.stop, [this] { abort_.request_stop(); });
    renewer_.request_stop();
    renewer_.join();
  }
  return store_.remove(format::mark_key(id_), call);
}

}  // namespace restored::backup
