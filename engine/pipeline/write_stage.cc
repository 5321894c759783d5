#include "pipeline/write_stage.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "restored/limits.h"

namespace restored::pipeline {

static_assert(limits::write_bytes_max % limits::frame_bytes == 0,
              "a piece of whole frames is one write");

namespace {

constexpr std::size_t files_ahead = 4;

}  // namespace

WriteStage::WriteStage(std::span<const FetchFile> files, const FetchEnvironment& environment,
                       SyncStage& sync, FirstError& first_error)
    : files_(files), environment_(environment), sync_(sync), first_error_(first_error) {}

Result<void> WriteStage::open_files(std::stop_token stop) {
  const auto caching = environment_.direct_io ? io::Caching::direct : io::Caching::buffered;
  while (const auto index = next_to_open(stop)) {
    auto file = std::make_unique<TargetFile>(*index, files_[*index]);
    auto opened = file->open(environment_.files, caching);
    if (!opened) return std::unexpected(context(files_[*index].name, std::move(opened).error()));
    MutexLock lock(mutex_);
    targets_[*index] = std::move(file);
    changed_.notify_all();
  }
  return {};
}

std::optional<std::size_t> WriteStage::next_to_open(std::stop_token stop) {
  MutexLock lock(mutex_);
  const auto may_go_on = [this]() NO_THREAD_SAFETY_ANALYSIS {
    return next_to_open_ == files_.size() || next_to_open_ < files_wanted_ + files_ahead;
  };
  if (stop.stop_requested() || !changed_.wait(mutex_, std::move(stop), may_go_on)) return {};
  if (next_to_open_ == files_.size()) return {};
  return next_to_open_++;
}

Result<void> WriteStage::open(const Range& range, const StoreCall& call) {
  TargetFile* file = nullptr;
  {
    MutexLock lock(mutex_);
    files_wanted_ = std::max(files_wanted_, range.file_index + 1);
    changed_.notify_all();
    const auto is_open = [&]() NO_THREAD_SAFETY_ANALYSIS {
      return targets_.contains(range.file_index);
    };
    if (!changed_.wait(mutex_, call.stop, is_open)) {
      return fail(ErrorCode::cancelled, "stopped");
    }
    file = targets_[range.file_index].get();
  }
  if (range.begins_file) count_present(file->spec());
  if (range.frames.begin < range.frames.end) return {};
  // Nothing of it is missing, so no write will say that it is complete.
  if (const auto checkpoint = file->note_written(range.frames)) {
    sync_.request({file, *checkpoint});
  }
  return {};
}

void WriteStage::count_present(const FetchFile& file) {
  std::uint64_t bytes = 0;
  for (const FrameSpan& span : file.present) {
    bytes += std::min(frame_offset(span.end), file.size_bytes) - frame_offset(span.begin);
  }
  environment_.progress.bytes_done.fetch_add(bytes, std::memory_order_relaxed);
}

TargetFile& WriteStage::target(std::size_t file_index) {
  MutexLock lock(mutex_);
  const auto found = targets_.find(file_index);
  RESTORED_CHECK(found != targets_.end(), "a file is open while its ranges are on their way");
  return *found->second;
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
