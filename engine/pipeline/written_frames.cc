#include "pipeline/written_frames.h"

#include "base/check.h"

namespace restored::pipeline {

WrittenFrames::WrittenFrames(std::uint64_t frames_count, std::span<const FrameSpan> present,
                             std::uint64_t checkpoint_frames)
    : frames_count_(frames_count), checkpoint_frames_(checkpoint_frames) {
  RESTORED_CHECK(checkpoint_frames > 0, "a checkpoint covers something");
  for (const FrameSpan& span : present) add(span);
  durable_end_ = prefix_end();
}

void WrittenFrames::add(FrameSpan frames) {
  RESTORED_CHECK(frames.end <= frames_count_, "frames belong to the file");
  if (frames.begin >= frames.end) return;
  auto next = spans_.lower_bound(frames.begin);
  RESTORED_CHECK(next == spans_.end() || next->first >= frames.end, "a frame is written once");
  if (next != spans_.end() && next->first == frames.end) {
    frames.end = next->second;
    next = spans_.erase(next);
  }
  if (next != spans_.begin()) {
    auto previous = std::prev(next);
    RESTORED_CHECK(previous->second <= frames.begin, "a frame is written once");
    if (previous->second == frames.begin) {
      previous->second = frames.end;
      return;
    }
  }
  spans_.emplace_hint(next, frames.begin, frames.end);
}

bool WrittenFrames::complete() const {
  return prefix_end() == frames_count_;
}

std::optional<WrittenFrames::Checkpoint> WrittenFrames::begin_sync() {
  if (syncing_ || ended_) return {};
  const std::uint64_t end = prefix_end();
  if (end != frames_count_ && end - durable_end_ < checkpoint_frames_) return {};
  syncing_ = true;
  ended_ = end == frames_count_;
  return Checkpoint{{durable_end_, end}, ended_};
}

void WrittenFrames::end_sync(const Checkpoint& checkpoint) {
  RESTORED_CHECK(syncing_, "a sync ends once");
  syncing_ = false;
  durable_end_ = checkpoint.span.end;
}

std::uint64_t WrittenFrames::prefix_end() const {
  if (spans_.empty() || spans_.begin()->first != 0) return 0;
  return spans_.begin()->second;
}

}  // namespace restored::pipeline
