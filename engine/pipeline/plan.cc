#include "pipeline/plan.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/check.h"
#include "restored/limits.h"

namespace restored::pipeline {
namespace {

Result<void> check_file(const FetchFile& file) {
  const auto refuse = [&](std::string why) {
    return fail(ErrorCode::corruption, fmt::format("frame index of {}: {}", file.name, why));
  };
  std::uint64_t content_bytes = 0;
  for (std::size_t index = 0; index < file.frames.size(); ++index) {
    const format::Frame& frame = file.frames[index];
    const bool last = index + 1 == file.frames.size();
    if (frame.stored_bytes == 0 || frame.stored_bytes > limits::frame_stored_bytes_max) {
      return refuse(fmt::format("frame {} is {} bytes long", index, frame.stored_bytes));
    }
    if (frame.content_bytes == 0 || frame.content_bytes > limits::frame_bytes ||
        (!last && frame.content_bytes != limits::frame_bytes)) {
      return refuse(fmt::format("frame {} holds {} bytes", index, frame.content_bytes));
    }
    content_bytes += frame.content_bytes;
  }
  if (content_bytes != file.size_bytes) {
    return refuse(fmt::format("frames hold {} bytes, the file {}", content_bytes, file.size_bytes));
  }
  if (format::seek_table_bytes(file.frames.size()) + limits::frame_stored_bytes_max >
      limits::range_stored_bytes_max) {
    return refuse(fmt::format("{} frames are too many for one object", file.frames.size()));
  }
  std::uint64_t end = 0;
  for (const FrameSpan& span : file.present) {
    if (span.begin < end || span.end < span.begin || span.end > file.frames.size()) {
      return refuse(fmt::format("present frames {} to {} do not fit", span.begin, span.end));
    }
    end = span.end;
  }
  return {};
}

}  // namespace

Result<void> check_files(std::span<const FetchFile> files) {
  for (const FetchFile& file : files) RESTORED_TRY(check_file(file));
  return {};
}

std::uint64_t frame_offset(std::uint64_t frame) {
  return frame * limits::frame_bytes;
}

const Range* Plan::peek() {
  while (!next_ && file_index_ < files_.size()) {
    if (!file_begun_) begin_file();
    skip_present();
    const bool at_end = frame_ == files_[file_index_].frames.size();
    if (!at_end || !file_begun_) {
      next_ = cut();
      file_begun_ = true;
    } else {
      ++file_index_;
      file_begun_ = false;
    }
  }
  return next_ ? &*next_ : nullptr;
}

void Plan::begin_file() {
  frame_ = 0;
  stored_offset_ = 0;
  present_index_ = 0;
  const auto frames = files_[file_index_].frames;
  object_bytes_ = format::seek_table_bytes(frames.size());
  for (const format::Frame& frame : frames) object_bytes_ += frame.stored_bytes;
}

void Plan::skip_present() {
  const FetchFile& file = files_[file_index_];
  while (present_index_ < file.present.size() && file.present[present_index_].begin <= frame_) {
    for (; frame_ < file.present[present_index_].end; ++frame_) {
      stored_offset_ += file.frames[frame_].stored_bytes;
    }
    ++present_index_;
  }
}

// The object's last frame takes the seek table along, so that all of the object is looked at
// without a request of its own.
Range Plan::cut() {
  const FetchFile& file = files_[file_index_];
  const std::uint64_t end = present_index_ < file.present.size()
                                ? file.present[present_index_].begin
                                : file.frames.size();
  Range range;
  range.file_index = file_index_;
  range.frames = {frame_, frame_};
  range.stored_offset = stored_offset_;
  range.content_offset = frame_offset(frame_);
  range.object_bytes = object_bytes_;
  range.begins_file = !file_begun_;
  for (; frame_ < end; ++frame_) {
    const format::Frame& frame = file.frames[frame_];
    const std::uint64_t table_bytes =
        frame_ + 1 == file.frames.size() ? format::seek_table_bytes(file.frames.size()) : 0;
    if (range.stored_bytes + frame.stored_bytes + table_bytes > limits::range_stored_bytes_max) {
      break;
    }
    if (range.content_bytes + frame.content_bytes > limits::range_content_bytes_max) break;
    range.stored_bytes += frame.stored_bytes;
    range.content_bytes += frame.content_bytes;
    range.table_bytes = table_bytes;
  }
  range.frames.end = frame_;
  stored_offset_ += range.stored_bytes;
  RESTORED_CHECK(range.frames.end > range.frames.begin || range.begins_file,
                 "every range after a file's first one moves the plan on");
  return range;
}

}  // namespace restored::pipeline
