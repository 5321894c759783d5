// From frames to ranges: which bytes of which object are fetched by one request, and where their
// content belongs. Ranges are cut on the way, one at a time, so that a plan's memory does not grow
// with the data, and a plan can begin at any frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "pipeline/fetch.h"
#include "restored/error.h"

namespace restored::pipeline {

// Consecutive frames of one file. Without frames (begin == end) it stands for a file of which
// nothing is missing: it is opened, trimmed and synced like the others.
struct Range {
  std::size_t file_index = 0;
  FrameSpan frames;
  std::uint64_t stored_offset = 0;  // in the object
  std::uint64_t stored_bytes = 0;
  std::uint64_t content_offset = 0;  // in the file
  std::uint64_t content_bytes = 0;
  std::uint64_t object_bytes = 0;  // of the whole object, seek table included
  std::uint64_t table_bytes = 0;   // the seek table, with the object's last frame; else none
  bool begins_file = false;        // the first range of its file
};

// What a plan relies on: every frame but a file's last holds limits::frame_bytes, lengths add up
// to the file's size, `present` is sorted and within the file. Errors: corruption, naming the file.
Result<void> check_files(std::span<const FetchFile> files);

// Content offset of a frame in its file.
std::uint64_t frame_offset(std::uint64_t frame);

// REQUIRES: check_files(files) passed; the files outlive the plan.
// Threading: one thread at a time.
class Plan {
 public:
  explicit Plan(std::span<const FetchFile> files) : files_(files) {}

  // The next range without taking it; stays valid until pop().
  const Range* peek();
  void pop() { next_.reset(); }

 private:
  void begin_file();
  void skip_present();
  Range cut();

  std::span<const FetchFile> files_;
  std::optional<Range> next_;
  std::size_t file_index_ = 0;
  std::uint64_t frame_ = 0;          // next frame of that file
  std::uint64_t stored_offset_ = 0;  // of that frame
  std::uint64_t object_bytes_ = 0;
  std::size_t present_index_ = 0;
  bool file_begun_ = false;
};

}  // namespace restored::pipeline
