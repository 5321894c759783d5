#include "backup/secure_objects.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <utility>

#include "backup/marks.h"
#include "backup/parallel.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/pause.h"
#include "restored/limits.h"

namespace restored::backup {
namespace {

using Time = std::chrono::steady_clock::time_point;

// The store's time, as far as it is known here: when it says that an object was written, and what
// has passed since. Never ahead of it.
class StoreTime {
 public:
  StoreTime(UnixMillis written, Time answered) : written_(written), answered_(answered) {}
  UnixMillis now() const {
    const auto passed = std::chrono::steady_clock::now() - answered_;
    return written_ + std::chrono::duration_cast<std::chrono::milliseconds>(passed).count();
  }

 private:
  UnixMillis written_;
  Time answered_;
};

Result<void> announce(Repository& repository, const ObjectsToSecure& request,
                      const StoreCall& call) {
  std::vector<format::ContentId> contents;
  for (const NamedObject& object : request.objects()) contents.push_back(object.content);
  return repository.announce(
      format::make_contents(request.backup, request.database, std::move(contents)), call);
}

// Waits for those collections that had begun when the contents were written: they may have read
// the repository before. Those that begin later find them.
Result<void> wait_for_collections(ObjectStore& store, const ObjectsToSecure& request,
                                  Time announced, const StoreCall& call) {
  RESTORED_TRY(std::vector<Mark> marks, list_marks(store, call));
  if (marks.empty()) return {};
  RESTORED_TRY(const ObjectInfo contents, store.stat(format::contents_key(request.backup), call));
  const StoreTime time(contents.modified_unix_millis, announced);
  std::set<std::string> begun;
  for (const Mark& mark : marks) begun.insert(mark.id);
  while (true) {
    const auto awaited = std::ranges::find_if(marks, [&](const Mark& mark) {
      return begun.contains(mark.id) && mark.modified + request.times.stale.count() > time.now();
    });
    if (awaited == marks.end()) break;
    request.waits_on(
        fmt::format("collection {} of the repository's unreferenced objects", awaited->id));
    if (!pause(request.times.look, call.stop))
      return fail(ErrorCode::cancelled, "stopped while it waited for a collection");
    RESTORED_TRY(marks, list_marks(store, call));
  }
  request.waits_on("");
  return {};
}

// An object that another backup, killed since, has left is there and need not be after a power
// loss.
Result<void> settle(ObjectStore& store, const std::vector<NamedObject>& objects,
                    const StoreCall& call) {
  std::vector<std::string> keys;
  for (const NamedObject& object : objects) keys.push_back(format::object_key(object.content));
  return store.settle(keys, call);
}

}  // namespace

Result<LostObjects> find_lost(ObjectStore& store, std::vector<NamedObject> objects,
                              const StoreCall& call) {
  std::ranges::sort(objects);
  const auto again = std::ranges::unique(objects);
  objects.erase(again.begin(), again.end());
  Mutex mutex;
  LostObjects lost;
  const auto look = [&](std::size_t index, const StoreCall& own) -> Result<void> {
    const NamedObject& object = objects[index];
    const auto info = store.stat(format::object_key(object.content), own);
    if (!info && info.error().code != ErrorCode::object_not_found)
      return std::unexpected(info.error());
    if (info && info->size_bytes == object.bytes) return {};
    const MutexLock lock(mutex);
    (info ? lost.other_size : lost.missing).insert(object.content);
    return {};
  };
  RESTORED_TRY(for_each_index(store, objects.size(), call, look));
  return lost;
}

Result<void> secure_objects(Repository& repository, const ObjectsToSecure& request,
                            const StoreCall& call) {
  RESTORED_TRY(announce(repository, request, call));
  const Time announced = std::chrono::steady_clock::now();
  RESTORED_TRY(wait_for_collections(repository.store(), request, announced, call));
  for (unsigned round = 0; round < limits::backup_check_rounds_max; ++round) {
    RESTORED_TRY(const LostObjects lost, find_lost(repository.store(), request.objects(), call));
    if (lost.empty()) return settle(repository.store(), request.objects(), call);
    log::info("backup", "backup={} writes again what is gone: missing={} of another size={}",
              request.backup.value, lost.missing.size(), lost.other_size.size());
    RESTORED_TRY(request.write_again(lost));
  }
  return fail(ErrorCode::object_not_found,
              fmt::format("objects of backup {} disappear while it is made", request.backup.value),
              "Something else than restored removes objects from the repository: find it.");
}

}  // namespace restored::backup
