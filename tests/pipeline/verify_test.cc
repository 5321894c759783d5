#include <filesystem>
#include <stop_token>

#include "backup_fixture.h"
#include "restored/limits.h"

namespace restored::pipeline::test {
namespace {

using restored::test::write_file;

class VerifyLocalTest : public BackupFixture {
 protected:
  LocalSpan span(std::size_t file_index, FrameSpan frames) const {
    return {backup_[file_index].name, backup_[file_index].target_path, backup_[file_index].frames,
            frames};
  }
  LocalSpan whole(std::size_t file_index) const {
    return span(file_index, {0, backup_[file_index].frames.size()});
  }
  std::vector<bool> verified(const std::vector<LocalSpan>& spans) {
    const auto matches = verify_local(spans, environment(), {});
    EXPECT_TRUE(matches.has_value()) << matches.error().message;
    expect_drained();
    return matches.value_or(std::vector<bool>());
  }
};

TEST_F(VerifyLocalTest, TellsEqualFilesFromOthers) {
  make_usual_backup();
  ASSERT_TRUE(fetch_all().has_value());
  std::vector<LocalSpan> spans;
  for (std::size_t index = 0; index < backup_.size(); ++index) spans.push_back(whole(index));
  EXPECT_EQ(verified(spans), std::vector<bool>(backup_.size(), true));

  damage_byte(backup_[1].target_path, contents_[1].size() - 1);
  std::filesystem::resize_file(backup_[5].target_path, contents_[5].size() - 1);
  std::filesystem::remove(backup_[4].target_path);
  EXPECT_EQ(verified(spans), (std::vector<bool>{true, false, true, true, false, false}));
}

TEST_F(VerifyLocalTest, LongerFileIsAnotherFile) {
  make_backup({{"a", seeded_content(1, 300000, 0.5)}});
  write_file(backup_[0].target_path, contents_[0] + "x");
  EXPECT_EQ(verified({whole(0), span(0, {0, 1})}), (std::vector<bool>{false, true}));
}

TEST_F(VerifyLocalTest, SpanLooksAtItsFramesOnly) {
  make_backup({{"a", seeded_content(1, 10 * kMiB + 5, 0.5)}});
  ASSERT_TRUE(fetch_all().has_value());
  damage_byte(backup_[0].target_path, 20 * limits::frame_bytes + 1);
  const std::uint64_t last = backup_[0].frames.size();
  EXPECT_EQ(verified({span(0, {0, 20}), span(0, {20, 21}), span(0, {21, last}), span(0, {5, 5})}),
            (std::vector<bool>{true, false, true, true}));
}

TEST_F(VerifyLocalTest, AFileThatCannotBeReadIsNotTheFrames) {
  make_backup({{"a", seeded_content(1, 1 * kMiB, 0.5)}});
  ASSERT_TRUE(fetch_all().has_value());
  plan_.only("/target/");
  plan_.fail(Call::read, 1, ErrorCode::io_error);
  const std::vector spans{whole(0)};
  const auto matches = verify_local(spans, environment(), {});
  ASSERT_TRUE(matches.has_value()) << matches.error().message;
  EXPECT_EQ(plan_.failures(), 1u);
  EXPECT_EQ(*matches, std::vector<bool>{false});
}

TEST_F(VerifyLocalTest, StopsWhenAsked) {
  make_usual_backup();
  ASSERT_TRUE(fetch_all().has_value());
  std::stop_source stop;
  stop.request_stop();
  const std::vector spans{whole(0)};
  const auto matches = verify_local(spans, environment(), stop.get_token());
  ASSERT_FALSE(matches.has_value());
  EXPECT_EQ(matches.error().code, ErrorCode::cancelled);
}

class VerifyObjectsTest : public BackupFixture {};

TEST_F(VerifyObjectsTest, GoodBackupPassesAndWritesNothing) {
  make_usual_backup();
  const auto verified = verify_objects(backup_, environment(), {});
  EXPECT_TRUE(verified.has_value()) << verified.error().message;
  EXPECT_EQ(progress_.files_done, backup_.size());
  EXPECT_TRUE(std::filesystem::is_empty(directory_.file("target")));
  expect_drained();
}

TEST_F(VerifyObjectsTest, ManyFilesPassInABudgetOfOneRange) {
  use_budget(limits::range_lease_bytes_max);
  std::map<std::string, std::string> contents;
  for (std::size_t index = 0; index < limits::target_files_open_max + 20; ++index) {
    contents["f" + std::to_string(1000 + index)] = seeded_content(index, 100 + 37 * index, 0.5);
  }
  make_backup(contents);
  EXPECT_TRUE(verify_objects(backup_, environment(), {}).has_value());
}

TEST_F(VerifyObjectsTest, AnyChangedByteOfAnObjectIsFound) {
  make_backup({{"000042.sst", seeded_content(1, limits::frame_bytes + 200, 0.0005)}});
  const std::uint64_t bytes = std::filesystem::file_size(object_path(0));
  ASSERT_LT(bytes, 8000u);
  for (std::uint64_t offset = 0; offset < bytes; ++offset) {
    SCOPED_TRACE("byte " + std::to_string(offset));
    damage_byte(object_path(0), offset);
    const auto verified = verify_objects(backup_, environment(), {});
    ASSERT_FALSE(verified.has_value());
    EXPECT_NE(verified.error().message.find("000042.sst"), std::string::npos);
    damage_byte(object_path(0), offset);
  }
  EXPECT_TRUE(verify_objects(backup_, environment(), {}).has_value());
}

TEST_F(VerifyObjectsTest, LongerAndMissingObjectsAreFound) {
  make_usual_backup();
  std::filesystem::resize_file(object_path(1), std::filesystem::file_size(object_path(1)) + 1);
  const auto longer = verify_objects(backup_, environment(), {});
  ASSERT_FALSE(longer.has_value());
  EXPECT_EQ(longer.error().code, ErrorCode::corruption);
  std::filesystem::remove(object_path(1));
  const auto missing = verify_objects(backup_, environment(), {});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::object_not_found);
  expect_drained();
}

}  // namespace
}  // namespace restored::pipeline::test
