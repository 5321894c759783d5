#include "pipeline/write_stage.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "restored/limits.h"

namespace restored::pipeline {

static_assert(limits::write_bytes_max % limits::frame_bytes == 0,
              "a piece of whole frames is one write");

WriteStage::WriteStage(std::span<const FetchFile> files, const FetchEnvironment& environment,
                       SyncStage& sync, FirstError& first_error)
    : files_(files), environment_(environment), sync_(sync), first_error_(first_error) {}

TargetFile& WriteStage::target(std::size_t file_index) {
  MutexLock lock(mutex_);
  auto& entry = targets_[file_index];
  if (!entry) entry = std::make_unique<TargetFile>(file_index, files_[file_index]);
  return *entry;
}

Result<void> WriteStage::open(const Range& range, std::stop_token /*stop*/) {
  TargetFile& file = target(range.file_index);
  const auto caching = environment_.direct_io ? io::Caching::direct : io::Caching::buffered;
  RESTORED_TRY(auto checkpoint, file.open(environment_.files, caching));
  if (range.begins_file) {
    std::uint64_t present_bytes = 0;
    for (const FrameSpan& span : file.spec().present) {
      present_bytes +=
          std::min(frame_offset(span.end), file.spec().size_bytes) - frame_offset(span.begin);
    }
    environment_.progress.bytes_done.fetch_add(present_bytes, std::memory_order_relaxed);
  }
  if (checkpoint) sync_.request({&file, *checkpoint});
  return {};
}

Result<void> WriteStage::accept(Piece piece) {
  TargetFile& file = target(piece.flight->range.file_index);
  const std::size_t padded_bytes = round_up(piece.content_bytes, limits::io_alignment);
  const auto bytes = piece.flight->content.subspan(piece.content_offset, padded_bytes);
  std::ranges::fill(bytes.subspan(piece.content_bytes), std::byte{0});
  const std::uint64_t offset = frame_offset(piece.frames.begin);
  const FrameSpan frames = piece.frames;
  const std::size_t content_bytes = piece.content_bytes;
  write_begins();
  // The lease must live until the kernel is done with it, so the hold goes with the request.
  Flight* flight = piece.flight.detach();
  environment_.queue.submit_write(
      file.file(), offset, bytes, [this, &file, flight, frames, content_bytes](auto outcome) {
        written(file, flight, frames, content_bytes, std::move(outcome));
      });
  return {};
}

// On the queue's thread: takes short locks, never waits. Whoever is given the complete checkpoint
// owns the file's end, so nothing here touches `target` after the request was made.
void WriteStage::written(TargetFile& target, Flight* flight, FrameSpan frames,
                         std::size_t content_bytes, Result<void> outcome) {
  FlightHold hold = FlightHold::adopt(flight);
  write_ends();
  if (!outcome) {
    first_error_.record(context(
        fmt::format("frames {} to {} of {}", frames.begin, frames.end - 1, hold->file->name),
        std::move(outcome).error()));
    return;
  }
  environment_.progress.bytes_done.fetch_add(content_bytes, std::memory_order_relaxed);
  auto checkpoint = target.note_written(frames);
  // Before the hold ends: who waits for the last flight relies on every request being in.
  if (checkpoint) sync_.request({&target, *checkpoint});
}

void WriteStage::remove(TargetFile& target) {
  std::unique_ptr<TargetFile> removed;
  MutexLock lock(mutex_);
  auto entry = targets_.find(target.index());
  removed = std::move(entry->second);
  targets_.erase(entry);
}

// The stage is busy while at least one write is with the queue.
void WriteStage::write_begins() {
  MutexLock lock(mutex_);
  if (writes_under_way_++ == 0) busy_since_ = std::chrono::steady_clock::now();
}

void WriteStage::write_ends() {
  MutexLock lock(mutex_);
  if (--writes_under_way_ > 0) return;
  environment_.progress.add_busy(Stage::write, std::chrono::steady_clock::now() - busy_since_);
}

}  // namespace restored::pipeline
