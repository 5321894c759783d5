#include "pipeline/written_frames.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace restored::pipeline {
namespace {

TEST(WrittenFramesTest, CheckpointCoversTheWrittenBeginningOnly) {
  WrittenFrames written(100, {}, 10);
  written.add({20, 40});
  EXPECT_FALSE(written.begin_sync());
  written.add({0, 9});
  EXPECT_FALSE(written.begin_sync()) << "nine frames are less than a checkpoint";
  written.add({9, 20});
  const auto checkpoint = written.begin_sync();
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->span, (FrameSpan{0, 40}));
  EXPECT_FALSE(checkpoint->complete);
}

TEST(WrittenFramesTest, OneSyncAtATime) {
  WrittenFrames written(100, {}, 10);
  written.add({0, 10});
  const auto first = written.begin_sync();
  ASSERT_TRUE(first);
  written.add({10, 100});
  EXPECT_FALSE(written.begin_sync());
  written.end_sync(*first);
  const auto second = written.begin_sync();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->span, (FrameSpan{10, 100}));
  EXPECT_TRUE(second->complete);
  written.end_sync(*second);
  EXPECT_FALSE(written.begin_sync()) << "a file is complete once";
}

TEST(WrittenFramesTest, PresentFramesCountAsDurable) {
  const std::vector<FrameSpan> present{{0, 30}, {50, 60}};
  WrittenFrames written(60, present, 10);
  EXPECT_FALSE(written.begin_sync());
  written.add({30, 50});
  const auto checkpoint = written.begin_sync();
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->span, (FrameSpan{30, 60}));
  EXPECT_TRUE(checkpoint->complete);
}

TEST(WrittenFramesTest, EmptyAndWhollyPresentFilesAreCompleteAtOnce) {
  WrittenFrames empty(0, {}, 10);
  EXPECT_TRUE(empty.complete());
  const auto of_empty = empty.begin_sync();
  ASSERT_TRUE(of_empty);
  EXPECT_TRUE(of_empty->complete);

  const std::vector<FrameSpan> present{{0, 5}};
  WrittenFrames whole(5, present, 10);
  const auto of_whole = whole.begin_sync();
  ASSERT_TRUE(of_whole);
  EXPECT_EQ(of_whole->span, (FrameSpan{5, 5}));
  EXPECT_TRUE(of_whole->complete);
}

// In any order, the reported spans are consecutive, end at the file's end, and never contain a
// frame that was not written.
TEST(WrittenFramesTest, AnyOrderEndsCompleteAndReportsOnlyWhatIsWritten) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::uint64_t count = 1 + random() % 200;
    std::vector<FrameSpan> pieces;
    for (std::uint64_t begin = 0; begin < count;) {
      const std::uint64_t end = std::min(count, begin + 1 + random() % 4);
      pieces.push_back({begin, end});
      begin = end;
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    WrittenFrames written(count, {}, 1 + random() % 20);
    std::vector<bool> done(count, false);
    std::uint64_t reported = 0;
    bool complete = false;
    for (const FrameSpan& piece : pieces) {
      EXPECT_FALSE(complete);
      written.add(piece);
      std::fill(done.begin() + static_cast<long>(piece.begin),
                done.begin() + static_cast<long>(piece.end), true);
      if (const auto checkpoint = written.begin_sync()) {
        EXPECT_EQ(checkpoint->span.begin, reported);
        reported = checkpoint->span.end;
        complete = checkpoint->complete;
        EXPECT_TRUE(std::all_of(done.begin(), done.begin() + static_cast<long>(reported),
                                [](bool each) { return each; }));
        written.end_sync(*checkpoint);
      }
    }
    EXPECT_TRUE(complete);
    EXPECT_EQ(reported, count);
  }
}

}  // namespace
}  // namespace restored::pipeline
