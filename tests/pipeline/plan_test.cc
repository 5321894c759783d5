#include "pipeline/plan.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "restored/limits.h"

namespace restored::pipeline {
namespace {

std::vector<format::Frame> frames_of(std::uint64_t file_bytes, std::uint32_t stored_bytes) {
  std::vector<format::Frame> frames;
  for (std::uint64_t offset = 0; offset < file_bytes; offset += limits::frame_bytes) {
    const auto content = std::min(limits::frame_bytes, file_bytes - offset);
    frames.push_back({stored_bytes, static_cast<std::uint32_t>(content), 0});
  }
  return frames;
}

FetchFile file_of(const std::vector<format::Frame>& frames, std::uint64_t file_bytes,
                  std::vector<FrameSpan> present = {}) {
  return {"000042.sst", "objects/00/0", "/target", file_bytes, frames, std::move(present)};
}

std::vector<Range> all_ranges(std::span<const FetchFile> files) {
  std::vector<Range> ranges;
  Plan plan(files);
  while (const Range* next = plan.peek()) {
    EXPECT_EQ(plan.peek(), next) << "looking does not take";
    ranges.push_back(*next);
    plan.pop();
  }
  return ranges;
}

TEST(PlanTest, IncompressibleRangesEndAtTheStoredBound) {
  const auto frames = frames_of(20 * kMiB, limits::frame_stored_bytes_max);
  const std::vector files{file_of(frames, 20 * kMiB)};
  const auto ranges = all_ranges(files);
  ASSERT_GT(ranges.size(), 1u);
  EXPECT_GE(ranges[0].content_bytes, 8 * kMiB);
  for (const Range& range : ranges) EXPECT_LE(range.stored_bytes, limits::range_stored_bytes_max);
}

TEST(PlanTest, CompressibleRangesEndAtTheContentBound) {
  const auto frames = frames_of(40 * kMiB, 1000);
  const std::vector files{file_of(frames, 40 * kMiB)};
  const auto ranges = all_ranges(files);
  ASSERT_EQ(ranges.size(), 3u);
  EXPECT_EQ(ranges[0].content_bytes, limits::range_content_bytes_max);
  EXPECT_EQ(ranges[2].content_bytes, 8 * kMiB);
}

TEST(PlanTest, FileWithNothingMissingIsStillVisited) {
  const auto frames = frames_of(1 * kMiB, 1000);
  const std::vector files{file_of(frames, 1 * kMiB, {{0, 4}}), file_of({}, 0)};
  const auto ranges = all_ranges(files);
  ASSERT_EQ(ranges.size(), 2u);
  for (std::size_t index = 0; index < 2; ++index) {
    EXPECT_EQ(ranges[index].file_index, index);
    EXPECT_EQ(ranges[index].frames.begin, ranges[index].frames.end);
    EXPECT_TRUE(ranges[index].begins_file);
  }
}

// Every frame that is not present is in exactly one range, at its place, whatever the spans.
TEST(PlanTest, RangesCoverExactlyWhatIsMissing) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::uint64_t bytes = random() % (60 * kMiB);
    auto frames = frames_of(bytes, 0);
    for (auto& frame : frames) {
      frame.stored_bytes =
          static_cast<std::uint32_t>(1 + random() % limits::frame_stored_bytes_max);
    }
    std::vector<bool> missing(frames.size(), true);
    std::vector<FrameSpan> present;
    for (std::uint64_t frame = random() % 40; frame < frames.size();) {
      const std::uint64_t end = std::min<std::uint64_t>(frames.size(), frame + random() % 30);
      present.push_back({frame, end});
      for (std::uint64_t each = frame; each < end; ++each) missing[each] = false;
      frame = end + random() % 50;
    }
    const std::vector files{file_of(frames, bytes, present)};
    ASSERT_TRUE(check_files(files).has_value());
    std::vector<std::uint64_t> stored_offsets{0};
    for (const auto& frame : frames) {
      stored_offsets.push_back(stored_offsets.back() + frame.stored_bytes);
    }
    bool first = true;
    for (const Range& range : all_ranges(files)) {
      EXPECT_EQ(range.begins_file, std::exchange(first, false));
      EXPECT_EQ(range.object_bytes,
                stored_offsets.back() + format::seek_table_bytes(frames.size()));
      if (range.frames.begin == range.frames.end) continue;
      EXPECT_EQ(range.stored_offset, stored_offsets[range.frames.begin]);
      EXPECT_EQ(range.stored_bytes,
                stored_offsets[range.frames.end] - stored_offsets[range.frames.begin]);
      EXPECT_EQ(range.table_bytes,
                range.frames.end == frames.size() ? format::seek_table_bytes(frames.size()) : 0);
      EXPECT_LE(range.stored_bytes + range.table_bytes, limits::range_stored_bytes_max);
      EXPECT_EQ(range.content_offset, range.frames.begin * limits::frame_bytes);
      for (std::uint64_t frame = range.frames.begin; frame < range.frames.end; ++frame) {
        EXPECT_TRUE(missing[frame]) << frame;
        missing[frame] = false;
      }
    }
    EXPECT_EQ(std::count(missing.begin(), missing.end(), true), 0);
  }
}

TEST(PlanTest, FramesThatDoNotAddUpAreRefusedByName) {
  const auto refused = [](std::vector<format::Frame> frames, std::uint64_t bytes,
                          std::vector<FrameSpan> present = {}) {
    const std::vector files{file_of(frames, bytes, std::move(present))};
    const auto checked = check_files(files);
    return !checked && checked.error().code == ErrorCode::corruption &&
           checked.error().message.find("000042.sst") != std::string::npos;
  };
  const auto good = frames_of(1 * kMiB, 1000);
  EXPECT_FALSE(refused(good, 1 * kMiB));
  EXPECT_TRUE(refused(good, 1 * kMiB + 1));
  auto short_frame = good;
  short_frame[1].content_bytes -= 1;
  EXPECT_TRUE(refused(short_frame, 1 * kMiB - 1));
  auto no_bytes = good;
  no_bytes[3].stored_bytes = 0;
  EXPECT_TRUE(refused(no_bytes, 1 * kMiB));
  auto too_many = good;
  too_many[0].stored_bytes = limits::frame_stored_bytes_max + 1;
  EXPECT_TRUE(refused(too_many, 1 * kMiB));
  EXPECT_TRUE(refused(good, 1 * kMiB, {{3, 5}}));
  EXPECT_TRUE(refused(good, 1 * kMiB, {{2, 3}, {1, 2}}));
}

}  // namespace
}  // namespace restored::pipeline
