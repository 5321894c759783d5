#include "backup/marks.h"

#include <condition_variable>
#include <mutex>

#include "format/contents.h"

namespace restored::backup {

Result<std::vector<Mark>> list_marks(ObjectStore& store, const StoreCall& call) {
  std::vector<Mark> marks;
  const auto visit = [&](const ObjectInfo& info) {
    const std::string id = info.key.substr(format::marks_prefix.size());
    if (format::valid_id(id)) marks.push_back({id, info.modified_unix_millis});
    return true;
  };
  RESTORED_TRY(store.list(format::marks_prefix, visit, call));
  return marks;
}

void pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

}  // namespace restored::backup
