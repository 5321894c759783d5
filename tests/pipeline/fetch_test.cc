#include "pipeline/fetch.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "backup_fixture.h"
#include "restored/limits.h"

namespace restored::pipeline::test {
namespace {

using restored::test::read_whole_file;
using restored::test::write_file;

class FetchTest : public BackupFixture {
 protected:
  void expect_fetched() {
    const auto fetched = fetch_all();
    ASSERT_TRUE(fetched.has_value()) << fetched.error().message;
    expect_all_restored();
    expect_drained();
  }
};

TEST_F(FetchTest, BuildsEveryFileByteForByte) {
  make_usual_backup();
  expect_fetched();
  std::uint64_t content_bytes = 0;
  std::uint64_t stored_bytes = 0;
  for (std::size_t index = 0; index < backup_.size(); ++index) {
    content_bytes += contents_[index].size();
    stored_bytes += uploaded_[index].stored_bytes;
  }
  EXPECT_EQ(progress_.bytes_done, content_bytes);
  EXPECT_EQ(progress_.bytes_transferred, stored_bytes);
  EXPECT_EQ(progress_.files_done, backup_.size());
  EXPECT_GT(progress_.busy_seconds(Stage::fetch), 0);
  EXPECT_GT(progress_.busy_seconds(Stage::decode), 0);
  EXPECT_GT(progress_.busy_seconds(Stage::write), 0);
}

TEST_F(FetchTest, WorksOnThePoolToo) {
  use_pool();
  make_usual_backup();
  expect_fetched();
}

TEST_F(FetchTest, WorksWithBufferedFilesToo) {
  direct_io_ = false;
  make_usual_backup();
  expect_fetched();
}

// Any second lease, or any order of waiting that is not the order of service, would hang here.
TEST_F(FetchTest, BudgetOfOneRangeIsEnough) {
  use_budget(limits::range_lease_bytes_max);
  make_usual_backup();
  expect_fetched();
}

TEST_F(FetchTest, BudgetSmallerThanARangeIsAnErrorAndNotAHang) {
  make_usual_backup();
  auto small = MemoryBudget::make(1 * kMiB);
  ASSERT_TRUE(small.has_value());
  FetchEnvironment with_small{*store_, *files_, *queue_, **small, progress_};
  const auto fetched = fetch(backup_, with_small, {}, {});
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::invalid_argument);
}

TEST_F(FetchTest, MoreFilesThanMayBeOpenAtOnce) {
  std::map<std::string, std::string> contents;
  for (std::size_t index = 0; index < limits::target_files_open_max + 20; ++index) {
    contents["f" + std::to_string(1000 + index)] = seeded_content(index, 100 + 37 * index, 0.5);
  }
  make_backup(contents);
  expect_fetched();
  EXPECT_EQ(progress_.files_done, contents.size());
}

TEST_F(FetchTest, NothingToDoSucceeds) {
  make_backup({});
  expect_fetched();
}

// A link of a live file under the target's name must not be written through.
TEST_F(FetchTest, FileUnderTheTargetsNameIsReplacedAndNotOverwritten) {
  make_backup({{"a", seeded_content(1, 300000, 0.5)}});
  const std::string live = directory_.file("live");
  write_file(live, std::string(500000, 'L'));
  std::filesystem::create_hard_link(live, backup_[0].target_path);
  expect_fetched();
  EXPECT_EQ(read_whole_file(live), std::string(500000, 'L'));
}

TEST_F(FetchTest, EveryFileIsReportedCompleteOnceWithAllItsFrames) {
  make_usual_backup();
  expect_fetched();
  std::vector<std::uint64_t> reported(backup_.size(), 0);
  std::vector<int> completions(backup_.size(), 0);
  for (const Durable& durable : durable_) {
    EXPECT_EQ(durable.span.begin, reported[durable.file_index]);
    reported[durable.file_index] = durable.span.end;
    completions[durable.file_index] += durable.complete ? 1 : 0;
  }
  for (std::size_t index = 0; index < backup_.size(); ++index) {
    EXPECT_EQ(reported[index], backup_[index].frames.size());
    EXPECT_EQ(completions[index], 1);
  }
}

TEST_F(FetchTest, PresentFramesAreKeptAndNotFetched) {
  make_backup({{"a", seeded_content(1, 30 * kMiB + 777, 0.5)}});
  const std::uint64_t last = backup_[0].frames.size();
  // What stands in a present span is taken on trust, so other content there shows that it was
  // neither fetched nor written.
  std::string standing = contents_[0];
  standing.replace(10 * limits::frame_bytes, 20 * limits::frame_bytes,
                   std::string(20 * limits::frame_bytes, 'p'));
  standing.replace(0, 10 * limits::frame_bytes, std::string(10 * limits::frame_bytes, 'x'));
  // As a crash leaves it: allocated to whole blocks.
  standing.resize(round_up(standing.size(), limits::io_alignment), 'z');
  write_file(backup_[0].target_path, standing);
  backup_[0].present = {{10, 30}, {last - 3, last}};
  const auto fetched = fetch_all();
  ASSERT_TRUE(fetched.has_value()) << fetched.error().message;
  std::string expected = contents_[0];
  expected.replace(10 * limits::frame_bytes, 20 * limits::frame_bytes,
                   std::string(20 * limits::frame_bytes, 'p'));
  EXPECT_TRUE(target_content(0) == expected);
  std::uint64_t missing_bytes = 0;
  for (std::uint64_t frame = 0; frame < last; ++frame) {
    const bool present = (frame >= 10 && frame < 30) || frame >= last - 3;
    if (!present) missing_bytes += backup_[0].frames[frame].stored_bytes;
  }
  EXPECT_EQ(progress_.bytes_transferred, missing_bytes);
  EXPECT_EQ(progress_.bytes_done, contents_[0].size());
}

TEST_F(FetchTest, WhollyPresentFileIsTrimmedAndReported) {
  make_backup({{"a", seeded_content(1, 300000, 0.5)}});
  write_file(backup_[0].target_path, contents_[0] + std::string(3000, '\0'));
  backup_[0].present = {{0, 2}};
  expect_fetched();
  ASSERT_EQ(durable_.size(), 1u);
  EXPECT_TRUE(durable_[0].complete);
  EXPECT_EQ(progress_.bytes_transferred, 0u);
}

TEST_F(FetchTest, PresentFramesOfAMissingFileAreAnError) {
  make_backup({{"a", seeded_content(1, 300000, 0.5)}});
  backup_[0].present = {{0, 1}};
  const auto fetched = fetch_all();
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::file_not_found);
  expect_drained();
}

TEST_F(FetchTest, ErrorOfTheDurableCallbackIsReturned) {
  make_usual_backup();
  const auto fetched = fetch(
      backup_, environment(),
      [](std::size_t, FrameSpan, bool) { return Result<void>(fail(ErrorCode::no_space, "full")); },
      {});
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::no_space);
  expect_drained();
}

// One frame's bytes, again and again: a file longer than a checkpoint without its data in memory.
TEST_F(FetchTest, LongFileIsCheckpointedBeforeItsEnd) {
  make_backup({{"a", std::string(limits::frame_bytes, 'a')}});
  const std::string object = read_whole_file(object_path(0));
  const std::string one(object, 0, backup_[0].frames[0].stored_bytes);
  const std::string content(limits::frame_bytes, 'a');
  const std::uint64_t count = limits::journal_checkpoint_bytes / limits::frame_bytes * 5 / 4;
  std::string repeated;
  std::vector<format::Frame> frames;
  for (std::uint64_t frame = 0; frame < count; ++frame) {
    repeated += one;
    frames.push_back({static_cast<std::uint32_t>(one.size()), limits::frame_bytes,
                      format::frame_hash(std::as_bytes(std::span(content)), frame)});
  }
  repeated += format::encode_seek_table(frames, std::vector<std::uint32_t>(count));
  write_file(object_path(0), repeated);
  backup_[0].frames = frames;
  backup_[0].size_bytes = count * limits::frame_bytes;
  const auto fetched = fetch_all();
  ASSERT_TRUE(fetched.has_value()) << fetched.error().message;
  ASSERT_EQ(durable_.size(), 2u);
  EXPECT_FALSE(durable_[0].complete);
  EXPECT_EQ(durable_[0].span.begin, 0u);
  EXPECT_GE(durable_[0].span.end * limits::frame_bytes, limits::journal_checkpoint_bytes);
  EXPECT_EQ(durable_[1].span, (FrameSpan{durable_[0].span.end, count}));
  EXPECT_TRUE(durable_[1].complete);
}

}  // namespace
}  // namespace restored::pipeline::test
