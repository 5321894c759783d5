#include "pipeline/check_stage.h"

#include <fmt/core.h>

#include <utility>

#include "base/check.h"

namespace restored::pipeline {

CheckStage::CheckStage(std::span<const FetchFile> files, const FetchEnvironment& environment,
                       std::function<void(std::size_t)> file_done)
    : files_(files), environment_(environment), file_done_(std::move(file_done)) {}

Result<void> CheckStage::open(const Range& range, const StoreCall& call) {
  if (!range.begins_file) return {};
  const FetchFile& file = files_[range.file_index];
  auto info = environment_.store.stat(file.object_key, call);
  if (!info) return std::unexpected(context(file.name, std::move(info).error()));
  if (info->size_bytes != range.object_bytes) {
    return fail(ErrorCode::corruption,
                fmt::format("the object of {} is {} bytes long, not {}", file.name,
                            info->size_bytes, range.object_bytes));
  }
  if (range.frames.begin == range.frames.end) note_checked(range.file_index, 0);
  return {};
}

Result<void> CheckStage::accept(Piece piece) {
  environment_.progress.bytes_done.fetch_add(piece.content_bytes, std::memory_order_relaxed);
  note_checked(piece.flight->range.file_index, piece.frames.end - piece.frames.begin);
  return {};
}

void CheckStage::note_checked(std::size_t file_index, std::uint64_t frames) {
  {
    MutexLock lock(mutex_);
    auto [entry, added] = frames_left_.try_emplace(file_index, files_[file_index].frames.size());
    if (added) {
      for (const FrameSpan& span : files_[file_index].present) {
        entry->second -= span.end - span.begin;
      }
    }
    RESTORED_CHECK(entry->second >= frames, "a frame is checked once");
    entry->second -= frames;
    if (entry->second > 0) return;
    frames_left_.erase(entry);
  }
  environment_.progress.files_done.fetch_add(1, std::memory_order_relaxed);
  file_done_(file_index);
}

}  // namespace restored::pipeline
