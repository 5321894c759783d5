#include "backup/parallel.h"

#include <algorithm>
#include <atomic>

#include "pipeline/first_error.h"
#include "pipeline/workers.h"
#include "restored/limits.h"

namespace restored::backup {

Result<void> for_each_index(
    const ObjectStore& store, std::size_t count, const StoreCall& call,
    const std::function<Result<void>(std::size_t index, const StoreCall& call)>& work) {
  if (call.stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
  if (count == 0) return {};
  pipeline::FirstError first_error(call.stop);
  StoreCall own = call;
  own.stop = first_error.token();
  std::atomic<std::size_t> next{0};
  const auto loop = [&]() -> Result<void> {
    for (std::size_t index = next++; index < count; index = next++) {
      if (own.stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
      RESTORED_TRY(work(index, own));
    }
    return {};
  };
  {
    const unsigned useful = std::clamp(store.reads_max(), 1u, limits::repository_calls_max);
    pipeline::Workers workers(first_error);
    workers.start("repository", static_cast<unsigned>(std::min<std::size_t>(useful, count)), loop);
  }
  return first_error.result();
}

}  // namespace restored::backup
