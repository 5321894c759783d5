#include "pipeline/check_stage.h"

#include <fmt/core.h>

#include <utility>

#include "format/frame.h"

namespace restored::pipeline {
namespace {

Result<void> compare(std::span<const format::SeekEntry> table,
                     std::span<const format::Frame> frames) {
  if (table.size() != frames.size()) {
    return fail(ErrorCode::corruption,
                fmt::format("it has {} frames, not {}", table.size(), frames.size()));
  }
  for (std::size_t index = 0; index < frames.size(); ++index) {
    if (table[index].stored_bytes != frames[index].stored_bytes ||
        table[index].content_bytes != frames[index].content_bytes) {
      return fail(ErrorCode::corruption, fmt::format("the lengths of frame {} differ", index));
    }
  }
  return {};
}

}  // namespace

CheckStage::CheckStage(std::span<const FetchFile> files, const FetchEnvironment& environment,
                       std::function<void()> file_done)
    : files_(files), environment_(environment), file_done_(std::move(file_done)) {}

Result<void> CheckStage::open(const Range& range, std::stop_token stop) {
  Object& target = object(range.file_index);
  std::call_once(target.opened, [&] {
    auto read = read_table(range, target, stop);
    if (!read) {
      target.error = context(fmt::format("seek table of {}", files_[range.file_index].name),
                             std::move(read).error());
    }
  });
  if (target.error) return std::unexpected(*target.error);
  if (range.frames.begin == range.frames.end) note_checked(range.file_index, 0);
  return {};
}

Result<void> CheckStage::read_table(const Range& range, Object& target,
                                    std::stop_token stop) const {
  const FetchFile& file = files_[range.file_index];
  RESTORED_TRY(ObjectInfo info, environment_.store.stat(file.object_key, stop));
  if (info.size_bytes != range.object_bytes) {
    return fail(ErrorCode::corruption, fmt::format("the object is {} bytes long, not {}",
                                                   info.size_bytes, range.object_bytes));
  }
  std::vector<std::byte> tail(format::seek_table_bytes(file.frames.size()));
  RESTORED_TRY(environment_.store.read(file.object_key, info.size_bytes - tail.size(), tail, stop));
  RESTORED_TRY(target.table, format::decode_seek_table(tail));
  return compare(target.table, file.frames);
}

Result<void> CheckStage::accept(Piece piece) {
  const std::size_t file_index = piece.flight->range.file_index;
  const FetchFile& file = files_[file_index];
  const Object& checked = object(file_index);
  auto content = piece.content();
  for (std::uint64_t frame = piece.frames.begin; frame < piece.frames.end; ++frame) {
    const auto bytes = content.first(file.frames[frame].content_bytes);
    content = content.subspan(bytes.size());
    if (format::seek_table_sum(bytes) != checked.table[frame].content_sum) {
      return fail(ErrorCode::corruption,
                  fmt::format("seek table of {}: the sum of frame {} differs", file.name, frame));
    }
  }
  environment_.progress.bytes_done.fetch_add(piece.content_bytes, std::memory_order_relaxed);
  note_checked(file_index, piece.frames.end - piece.frames.begin);
  return {};
}

CheckStage::Object& CheckStage::object(std::size_t file_index) {
  MutexLock lock(mutex_);
  auto& entry = objects_[file_index];
  if (!entry) {
    entry = std::make_unique<Object>();
    entry->frames_left = files_[file_index].frames.size();
    for (const FrameSpan& span : files_[file_index].present) {
      entry->frames_left -= span.end - span.begin;
    }
  }
  return *entry;
}

void CheckStage::note_checked(std::size_t file_index, std::uint64_t frames) {
  std::unique_ptr<Object> done;
  {
    MutexLock lock(mutex_);
    auto entry = objects_.find(file_index);
    entry->second->frames_left -= frames;
    if (entry->second->frames_left > 0) return;
    done = std::move(entry->second);
    objects_.erase(entry);
  }
  environment_.progress.files_done.fetch_add(1, std::memory_order_relaxed);
  file_done_();
}

}  // namespace restored::pipeline
