#include "pipeline/upload.h"

#include <atomic>
#include <filesystem>
#include <set>
#include <stop_token>

#include "../backup/counting_store.h"
#include "backup_fixture.h"
#include "restored/limits.h"

namespace restored::pipeline::test {
namespace {

using restored::test::write_file;

class UploadTest : public BackupFixture {
 protected:
  std::string path_of(const UploadedFile& file) const {
    return directory_.file("repository/" + format::object_key(file.content));
  }
};

TEST_F(UploadTest, ObjectHasTheSizeThatTheAnswerSays) {
  const auto uploaded = upload_contents({{"a", seeded_content(1, 9 * kMiB + 3, 0.5)}, {"b", ""}});
  ASSERT_TRUE(uploaded.has_value()) << uploaded.error().message;
  for (const UploadedFile& file : *uploaded) {
    EXPECT_EQ(std::filesystem::file_size(path_of(file)),
              file.stored_bytes + format::seek_table_bytes(file.frames.size()));
    EXPECT_EQ(file.uploaded_bytes, std::filesystem::file_size(path_of(file)));
  }
  EXPECT_EQ(upload_progress_.bytes_done, 9 * kMiB + 3);
  EXPECT_EQ(upload_progress_.files_done, 2u);
  EXPECT_EQ(upload_progress_.bytes_reused, 0u);
  expect_drained();
}

TEST_F(UploadTest, EqualFilesOfOneRunAreUploadedOnce) {
  const std::string content = seeded_content(1, 5 * kMiB, 0.5);
  const auto uploaded = upload_contents({{"a", content}, {"b", content}, {"c", content}});
  ASSERT_TRUE(uploaded.has_value()) << uploaded.error().message;
  int written = 0;
  for (const UploadedFile& file : *uploaded) {
    EXPECT_EQ(file.content, (*uploaded)[0].content);
    EXPECT_EQ(file.frames, (*uploaded)[0].frames);
    written += file.uploaded_bytes > 0 ? 1 : 0;
  }
  EXPECT_EQ(written, 1);
  EXPECT_EQ(upload_progress_.bytes_reused, 2 * content.size());
}

TEST_F(UploadTest, ObjectOfAnotherLevelIsAdoptedWithItsOwnLengths) {
  const std::map<std::string, std::string> contents{{"a", seeded_content(1, 5 * kMiB, 0.3)}};
  const auto first = upload_contents(contents, 1);
  ASSERT_TRUE(first.has_value());
  const auto bytes_before = std::filesystem::file_size(path_of((*first)[0]));
  make_backup(contents);  // level 1 again
  EXPECT_EQ(uploaded_[0].uploaded_bytes, 0u);
  const auto again = upload_contents(contents, 15);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ((*again)[0].uploaded_bytes, 0u);
  EXPECT_EQ((*again)[0].stored_bytes, (*first)[0].stored_bytes);
  EXPECT_EQ((*again)[0].frames, (*first)[0].frames);
  EXPECT_EQ(std::filesystem::file_size(path_of((*first)[0])), bytes_before);
  ASSERT_TRUE(fetch_all().has_value());
  expect_all_restored();
}

TEST_F(UploadTest, WhoIsFirstWithAContentDecidesItsLengths) {
  const std::map<std::string, std::string> contents{{"a", seeded_content(1, 5 * kMiB, 0.3)}};
  const auto first = upload_contents(contents, 1);
  ASSERT_TRUE(first.has_value());
  const std::string key = format::object_key((*first)[0].content);
  const std::string bytes = restored::test::read_whole_file(path_of((*first)[0]));
  ASSERT_TRUE(store_->remove(key, {}));
  // Another host puts its object after ours was looked for and before it was written.
  restored::test::CountingStore racing(*store_);
  racing.before = [&](std::string_view verb, std::string_view) -> Result<void> {
    if (verb != "upload") return {};
    return store_->put(key, std::as_bytes(std::span(bytes)), {});
  };
  UploadEnvironment environment{racing,  *files_, *budget_, upload_progress_,
                                nullptr, nullptr, 1,        15};
  const UploadFile file{"a", directory_.file("source/a"), contents.at("a").size()};
  const auto second = upload({&file, 1}, environment, {});
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_EQ((*second)[0].frames, (*first)[0].frames);
  EXPECT_EQ((*second)[0].stored_bytes, (*first)[0].stored_bytes);
  EXPECT_EQ((*second)[0].uploaded_bytes, 0u);
  EXPECT_EQ(restored::test::read_whole_file(path_of((*first)[0])), bytes);
  expect_drained();
}

TEST_F(UploadTest, OnlyAnObjectThatIsDamagedIsReplaced) {
  const std::map<std::string, std::string> contents{{"a", seeded_content(1, 5 * kMiB, 0.3)}};
  const auto first = upload_contents(contents, 1);
  ASSERT_TRUE(first.has_value());
  const std::string path = path_of((*first)[0]);
  const std::string good = restored::test::read_whole_file(path);
  const std::set<format::ContentId> said_to_be_damaged{(*first)[0].content};
  restored::test::CountingStore counting(*store_);
  store_used_ = &counting;
  UploadEnvironment environment = upload_environment(15);
  environment.replaced = &said_to_be_damaged;
  const UploadFile file{"a", directory_.file("source/a"), contents.at("a").size()};
  // Another backup has written it again since it was found damaged, and relies on it.
  const auto again = upload({&file, 1}, environment, {});
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(restored::test::read_whole_file(path), good);
  EXPECT_EQ((*again)[0].frames, (*first)[0].frames);

  std::string damaged = good;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  restored::test::write_file(path, damaged);
  const auto replaced = upload({&file, 1}, environment, {});
  ASSERT_TRUE(replaced.has_value()) << replaced.error().message;
  EXPECT_GT((*replaced)[0].uploaded_bytes, 0u);
  EXPECT_NE(restored::test::read_whole_file(path), damaged);
  // Others that name it never find it missing, and no removal can come late and take the new one.
  EXPECT_EQ(counting.count("remove"), 0u);
  const auto once_more = upload({&file, 1}, environment, {});
  ASSERT_TRUE(once_more.has_value()) << once_more.error().message;
  EXPECT_EQ((*once_more)[0].uploaded_bytes, 0u);
  EXPECT_EQ((*once_more)[0].frames, (*replaced)[0].frames);
}

TEST_F(UploadTest, DamagedObjectStandsUntilTheNewOneIsWhole) {
  const std::map<std::string, std::string> contents{{"a", seeded_content(1, 5 * kMiB, 0.3)}};
  const auto first = upload_contents(contents, 1);
  ASSERT_TRUE(first.has_value());
  const std::string path = path_of((*first)[0]);
  damage_byte(path, 5000);
  const std::string damaged = restored::test::read_whole_file(path);
  const std::set<format::ContentId> said_to_be_damaged{(*first)[0].content};
  UploadEnvironment environment = upload_environment();
  environment.replaced = &said_to_be_damaged;
  const UploadFile file{"a", directory_.file("source/a"), contents.at("a").size()};
  store_plan_.fail(Call::sync, 1, ErrorCode::no_space);
  ASSERT_FALSE(upload({&file, 1}, environment, {}).has_value());
  EXPECT_EQ(restored::test::read_whole_file(path), damaged);
}

TEST_F(UploadTest, ExistingObjectThatCannotBeThisContentIsCorruption) {
  const std::map<std::string, std::string> contents{{"000042.sst", seeded_content(1, 5 * kMiB, 1)}};
  const auto uploaded = upload_contents(contents);
  ASSERT_TRUE(uploaded.has_value());
  const std::string path = path_of((*uploaded)[0]);
  const auto bytes = std::filesystem::file_size(path);
  const auto expect_corruption = [&] {
    const auto again = upload_contents(contents);
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().code, ErrorCode::corruption) << again.error().message;
    EXPECT_NE(again.error().message.find("000042.sst"), std::string::npos);
  };
  damage_byte(path, bytes - 1);
  expect_corruption();
  damage_byte(path, bytes - 1);
  damage_byte(path, bytes - 9 - 12);  // the last frame's stored length
  expect_corruption();
  std::filesystem::resize_file(path, bytes / 2);
  expect_corruption();
  std::filesystem::resize_file(path, 0);
  expect_corruption();
}

TEST_F(UploadTest, FileThatChangesBetweenItsTwoReadsIsCorruption) {
  ASSERT_TRUE(upload_contents({}).has_value());
  const std::string path = directory_.file("source/000042.sst");
  write_file(path, seeded_content(1, 2 * kMiB, 0.5));
  std::atomic<int> reads{0};
  plan_.only("000042.sst");
  plan_.before_each([&](Call call, const std::string&) {
    if (call == Call::read && ++reads == 2) damage_byte(path, 700000);
  });
  const std::vector<UploadFile> files{{"000042.sst", path, 2 * kMiB}};
  const auto uploaded = upload(files, upload_environment(), {});
  ASSERT_FALSE(uploaded.has_value());
  EXPECT_EQ(uploaded.error().code, ErrorCode::corruption);
  EXPECT_NE(uploaded.error().message.find("frame 2"), std::string::npos)
      << uploaded.error().message;
}

TEST_F(UploadTest, FileOfAnotherSizeIsCorruption) {
  ASSERT_TRUE(upload_contents({}).has_value());
  const std::string path = directory_.file("source/a");
  write_file(path, "short");
  const std::vector<UploadFile> files{{"a", path, 6}};
  const auto uploaded = upload(files, upload_environment(), {});
  ASSERT_FALSE(uploaded.has_value());
  EXPECT_EQ(uploaded.error().code, ErrorCode::corruption);
}

// Whatever fails, no key holds an object that is not whole, and the next attempt succeeds.
TEST_F(UploadTest, FailureAnywhereInTheStoreLeavesNoHalfObject) {
  const std::map<std::string, std::string> contents{{"a", seeded_content(1, 9 * kMiB, 0.6)}};
  ASSERT_TRUE(upload_contents({}).has_value());
  for (const Call call : {Call::create, Call::write, Call::sync, Call::rename}) {
    for (const std::uint64_t nth : {1u, 2u}) {
      store_plan_.clear();
      store_plan_.fail(call, nth, ErrorCode::no_space);
      const auto uploaded = upload_contents(contents);
      if (store_plan_.failures() == 0) {
        ASSERT_TRUE(uploaded.has_value());
        std::filesystem::remove(path_of((*uploaded)[0]));
        continue;
      }
      ASSERT_FALSE(uploaded.has_value());
      EXPECT_EQ(uploaded.error().code, ErrorCode::no_space) << uploaded.error().message;
      for (const auto& entry :
           std::filesystem::recursive_directory_iterator(directory_.file("repository"))) {
        const bool visible = entry.path().string().find("/objects/") != std::string::npos;
        EXPECT_TRUE(entry.is_directory() || !visible) << entry.path();
      }
      expect_drained();
    }
  }
  store_plan_.clear();
  EXPECT_TRUE(upload_contents(contents).has_value());
}

TEST_F(UploadTest, StopsWhenAsked) {
  ASSERT_TRUE(upload_contents({}).has_value());
  const std::string path = directory_.file("source/a");
  write_file(path, seeded_content(1, 20 * kMiB, 0.5));
  std::stop_source stop;
  std::atomic<int> reads{0};
  plan_.before_each([&](Call call, const std::string&) {
    if (call == Call::read && ++reads == 3) stop.request_stop();
  });
  const std::vector<UploadFile> files{{"a", path, 20 * kMiB}};
  const auto uploaded = upload(files, upload_environment(), stop.get_token());
  ASSERT_FALSE(uploaded.has_value());
  EXPECT_EQ(uploaded.error().code, ErrorCode::cancelled);
  expect_drained();
}

TEST_F(UploadTest, ThreadsShareABudgetThatHoldsOneOfThem) {
  use_budget(limits::range_lease_bytes_max);
  make_usual_backup();
  EXPECT_TRUE(verify_objects(backup_, environment(), {}).has_value());
}

}  // namespace
}  // namespace restored::pipeline::test
