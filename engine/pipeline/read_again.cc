#include "pipeline/read_again.h"

#include <fmt/core.h>

#include <utility>

#include "base/log.h"
#include "restored/limits.h"

namespace restored::pipeline {

Result<void> read_again(ObjectStore& store, Progress& progress, const ObjectPart& part, Error found,
                        const std::function<Result<void>()>& check, const StoreCall& call) {
  for (unsigned again = 0; again < limits::object_reads_again_max; ++again) {
    if (found.code != ErrorCode::corruption) break;
    // Every one of many would drown the log; the run's end says how many there were.
    if (progress.frames_read_again.fetch_add(1, std::memory_order_relaxed) == 0) {
      log::warning("pipeline", "{}: {}; reading it again from {}", part.name, found.message,
                   part.key);
    }
    {
      BusyTimer busy(progress, Stage::fetch);
      auto read = store.read(part.key, part.offset, part.bytes, call);
      if (!read) {
        return std::unexpected(
            context(fmt::format("reading {} again", part.name), std::move(read).error()));
      }
    }
    progress.bytes_transferred.fetch_add(part.bytes.size(), std::memory_order_relaxed);
    auto checked = check();
    if (checked) return {};
    found = std::move(checked).error();
  }
  if (found.code == ErrorCode::corruption) found.message += ", also when read again";
  return std::unexpected(context(part.name, std::move(found)));
}

}  // namespace restored::pipeline
