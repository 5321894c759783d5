// Objects that are not what the manifest says.
#include <filesystem>
#include <set>

#include "backup_fixture.h"
#include "pipeline/plan.h"
#include "restored/limits.h"

namespace restored::pipeline::test {
namespace {

using restored::test::read_whole_file;
using restored::test::write_file;

class FetchDamageTest : public BackupFixture {
 protected:
  void expect_failure(ErrorCode code, const std::string& words) {
    const auto fetched = fetch_all();
    ASSERT_FALSE(fetched.has_value());
    EXPECT_EQ(fetched.error().code, code) << fetched.error().message;
    EXPECT_NE(fetched.error().message.find(words), std::string::npos) << fetched.error().message;
    expect_drained();
  }
};

TEST_F(FetchDamageTest, ChangedByteNamesItsFrameAndFile) {
  make_backup({{"000041.sst", seeded_content(1, 1 * kMiB, 0.5)},
               {"000042.sst", seeded_content(2, 20 * kMiB + 99, 0.3)}});
  // The first, a middle and the last frame of every range.
  std::set<std::uint64_t> places;
  Plan plan(backup_);
  while (const Range* range = plan.peek()) {
    if (range->file_index == 1) {
      places.insert({range->frames.begin, (range->frames.begin + range->frames.end) / 2,
                     range->frames.end - 1});
    }
    plan.pop();
  }
  ASSERT_GE(places.size(), 5u);
  for (const std::uint64_t frame : places) {
    const std::string name = "frame " + std::to_string(frame) + " of 000042.sst";
    SCOPED_TRACE(name);
    const std::uint64_t begin = stored_offset(1, frame);
    const std::uint64_t bytes = backup_[1].frames[frame].stored_bytes;
    for (const std::uint64_t offset : {begin, begin + bytes - 1}) {
      damage_byte(object_path(1), offset);
      expect_failure(ErrorCode::corruption, name);
      damage_byte(object_path(1), offset);
    }
  }
  const auto fetched = fetch_all();
  EXPECT_TRUE(fetched.has_value()) << "the damage was undone";
  expect_all_restored();
}

// Also those that no restored byte depends on: a changed object is not to be trusted.
TEST_F(FetchDamageTest, AnyChangedByteOfAnObjectIsFound) {
  make_backup({{"000042.sst", seeded_content(1, limits::frame_bytes + 200, 0.0005)}});
  const std::uint64_t bytes = std::filesystem::file_size(object_path(0));
  ASSERT_LT(bytes, 8000u);
  for (std::uint64_t offset = 0; offset < bytes; ++offset) {
    SCOPED_TRACE("byte " + std::to_string(offset));
    damage_byte(object_path(0), offset);
    const auto fetched = fetch_all();
    ASSERT_FALSE(fetched.has_value());
    EXPECT_NE(fetched.error().message.find("000042.sst"), std::string::npos);
    damage_byte(object_path(0), offset);
  }
  EXPECT_TRUE(fetch_all().has_value());
}

TEST_F(FetchDamageTest, FramesThatChangedPlacesAreNoticed) {
  // Two frames of equal length with different content.
  std::string content = seeded_content(1, 2 * limits::frame_bytes, 1.0);
  make_backup({{"000042.sst", content}});
  const auto& frames = backup_[0].frames;
  ASSERT_EQ(frames[0].stored_bytes, frames[1].stored_bytes);
  const std::string object = read_whole_file(object_path(0));
  const std::size_t length = frames[0].stored_bytes;
  write_file(object_path(0),
             object.substr(length, length) + object.substr(0, length) + object.substr(2 * length));
  expect_failure(ErrorCode::corruption, "of 000042.sst");
}

TEST_F(FetchDamageTest, MissingObjectIsNamed) {
  make_usual_backup();
  std::filesystem::remove(object_path(1));
  expect_failure(ErrorCode::object_not_found, "of 000002.sst");
}

TEST_F(FetchDamageTest, TruncatedObjectIsNamed) {
  make_usual_backup();
  for (const std::uint64_t bytes :
       {std::uint64_t{0}, stored_offset(1, 3) + 17, uploaded_[1].stored_bytes - 1}) {
    SCOPED_TRACE(bytes);
    std::filesystem::resize_file(object_path(1), bytes);
    expect_failure(ErrorCode::corruption, "of 000002.sst");
  }
}

TEST_F(FetchDamageTest, UnreadableStoreHalfWayEndsTheFetch) {
  make_usual_backup();
  store_plan_.fail_from(Call::open, 3, ErrorCode::permission_denied);
  expect_failure(ErrorCode::store_permission_denied, "frames ");
}

TEST_F(FetchDamageTest, WrongHashInTheIndexIsNoticed) {
  make_backup({{"000042.sst", seeded_content(1, 5 * limits::frame_bytes, 0.5)}});
  uploaded_[0].frames[3].hash ^= 1;
  expect_failure(ErrorCode::corruption, "frame 3 of 000042.sst");
}

}  // namespace
}  // namespace restored::pipeline::test
