// Which frames of one file are written, and what a sync of the file would newly make durable.
// Pure. Threading: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "pipeline/fetch.h"

namespace restored::pipeline {

class WrittenFrames {
 public:
  // A sync that makes these frames durable, all of which were written before it began.
  struct Checkpoint {
    FrameSpan span;
    bool complete = false;  // the whole file is written
  };

  // Frames of `present` count as written and durable. REQUIRES: sorted, within the file.
  WrittenFrames(std::uint64_t frames_count, std::span<const FrameSpan> present,
                std::uint64_t checkpoint_frames);

  // REQUIRES: none of them was written before.
  void add(FrameSpan frames);
  bool complete() const;

  // The sync that is due now: at the end of the file, or when the written beginning of the file
  // has grown by checkpoint_frames. Nothing while one runs: one at a time, ended by end_sync().
  std::optional<Checkpoint> begin_sync();
  void end_sync(const Checkpoint& checkpoint);

 private:
  std::uint64_t prefix_end() const;

  const std::uint64_t frames_count_;
  const std::uint64_t checkpoint_frames_;
  std::map<std::uint64_t, std::uint64_t> spans_;  // begin to end; neither touch nor overlap
  std::uint64_t durable_end_ = 0;                 // [0, durable_end_) was reported or present
  bool syncing_ = false;
  bool ended_ = false;  // the complete checkpoint was given out
};

}  // namespace restored::pipeline
