// Writing to a store across a network: parts, memory, threads, progress.
#include <atomic>
#include <filesystem>
#include <numeric>
#include <set>
#include <thread>

#include "backup_fixture.h"
#include "pipeline/encode_turns.h"
#include "pipeline/file_encoder.h"
#include "remote_store.h"
#include "restored/limits.h"
#include "support/wait_until.h"

namespace restored::pipeline::test {
namespace {

using namespace std::chrono_literals;
using restored::test::wait_until;

class UploadRemoteTest : public BackupFixture {
 protected:
  RemoteStore& remote() {
    remote_ = std::make_unique<RemoteStore>(opened_store(), 4);
    store_used_ = remote_.get();
    return *remote_;
  }
  ~UploadRemoteTest() override { remote_.reset(); }

  std::map<std::string, std::string> several(unsigned files, std::uint64_t bytes) {
    std::map<std::string, std::string> contents;
    for (unsigned index = 0; index < files; ++index) {
      contents["f" + std::to_string(100 + index)] = seeded_content(index, bytes, 1.0);
    }
    return contents;
  }

  std::unique_ptr<RemoteStore> remote_;
};

TEST_F(UploadRemoteTest, PiecesAreAsLargeAsPartsAndTheLastComesWithTheSeekTable) {
  RemoteStore& store = remote();
  const auto uploaded = upload_contents({{"large", seeded_content(1, 30 * kMiB + 5, 1.0)},
                                         {"small", seeded_content(2, 100, 1.0)},
                                         {"empty", ""},
                                         {"part", seeded_content(3, 32 * limits::frame_bytes, 1)}});
  ASSERT_TRUE(uploaded.has_value()) << uploaded.error().message;
  for (const UploadedFile& file : *uploaded) {
    const auto pieces = store.uploads_made().at(format::object_key(file.content));
    EXPECT_TRUE(pieces.committed);
    EXPECT_FALSE(pieces.abandoned);
    for (const std::uint64_t bytes : pieces.appended) {
      EXPECT_GE(bytes, limits::upload_part_bytes);
      EXPECT_LT(bytes, limits::upload_part_bytes + limits::frame_stored_bytes_max);
    }
    EXPECT_GE(pieces.last, format::seek_table_bytes(file.frames.size()));
    EXPECT_EQ(std::reduce(pieces.appended.begin(), pieces.appended.end()) + pieces.last,
              file.uploaded_bytes);
    EXPECT_EQ(pieces.appended.size(), file.stored_bytes / limits::upload_part_bytes);
  }
  expect_drained();
}

TEST_F(UploadRemoteTest, WhatFailsIsAbandoned) {
  const auto contents = several(1, 20 * kMiB);
  for (const std::string failing : {"append", "commit"}) {
    RemoteStore& store = remote();
    store.before = [&](std::string_view verb, std::string_view, const StoreCall&) -> Result<void> {
      if (verb != failing) return {};
      return fail(ErrorCode::object_store_unavailable, "down");
    };
    const auto uploaded = upload_contents(contents);
    ASSERT_FALSE(uploaded.has_value());
    EXPECT_EQ(uploaded.error().code, ErrorCode::object_store_unavailable);
    ASSERT_EQ(store.uploads_made().size(), 1u);
    EXPECT_TRUE(store.uploads_made().begin()->second.abandoned) << failing;
    expect_drained();
  }
}

TEST_F(UploadRemoteTest, AsManyFilesAreOnTheirWayAsTheStoreIsWorth) {
  use_budget(limits::memory_budget_bytes_default);
  RemoteStore& store = remote();
  store.writes = 8;
  store.before = [&](std::string_view verb, std::string_view, const StoreCall&) -> Result<void> {
    if (verb != "commit") return {};
    EXPECT_TRUE(wait_until([&] { return store.most_uploads_at_once() == 8; }));
    return {};
  };
  const auto uploaded = upload_contents(several(20, 300'000));
  ASSERT_TRUE(uploaded.has_value()) << uploaded.error().message;
  EXPECT_EQ(store.most_uploads_at_once(), 8u);
}

TEST_F(UploadRemoteTest, HalfOfTheBudgetIsLeftForRestores) {
  RemoteStore& store = remote();
  store.writes = 32;
  store.latency = 2ms;
  const auto uploaded = upload_contents(several(4, 9 * kMiB));
  ASSERT_TRUE(uploaded.has_value()) << uploaded.error().message;
  EXPECT_LE(budget_->peak_bytes(), budget_->budget_bytes() / 2);
  EXPECT_GT(store.most_uploads_at_once(), 1u);
}

// With a lease for the whole run, who wants all of the memory would wait for the run's end.
TEST_F(UploadRemoteTest, MemoryChangesHandsBetweenTwoFiles) {
  RemoteStore& store = remote();
  store.latency = 10ms;
  const auto sources = write_sources(several(20, 1000));
  Result<std::vector<UploadedFile>> uploaded;
  {
    std::jthread backup([&] { uploaded = upload(sources, upload_environment(), {}); });
    ASSERT_TRUE(wait_until([&] { return upload_progress_.files_done > 0; }));
    const auto all = budget_->acquire(budget_->budget_bytes(), {});
    ASSERT_TRUE(all.has_value());
    EXPECT_LT(upload_progress_.files_done, sources.size());
  }
  ASSERT_TRUE(uploaded.has_value()) << uploaded.error().message;
}

TEST_F(UploadRemoteTest, ProgressCountsWhatIsStoredPartByPart) {
  RemoteStore& store = remote();
  std::vector<std::uint64_t> done;
  store.before = [&](std::string_view verb, std::string_view, const StoreCall&) -> Result<void> {
    if (verb == "append" || verb == "commit") done.push_back(upload_progress_.bytes_done);
    return {};
  };
  const std::uint64_t bytes = 20 * kMiB;
  ASSERT_TRUE(upload_contents(several(1, bytes)).has_value());
  ASSERT_EQ(done.size(), 3u);
  EXPECT_EQ(done[0], 0u);
  EXPECT_GE(done[1], 7 * kMiB);
  EXPECT_LE(done[1], 9 * kMiB);
  EXPECT_GT(done[2], done[1]);
  EXPECT_LT(done[2], bytes);
  EXPECT_EQ(upload_progress_.bytes_done, bytes);
}

TEST_F(UploadRemoteTest, SeekTableOfAStoredObjectIsReadAgainWhenItCameWrong) {
  const auto contents = several(1, kMiB);
  ASSERT_TRUE(upload_contents(contents).has_value());
  RemoteStore& store = remote();
  std::atomic<int> wrong{1};
  store.sent = [&](std::string_view, std::uint64_t, std::span<std::byte> bytes) {
    if (wrong-- > 0) bytes[bytes.size() / 2] ^= std::byte{1};
  };
  const auto again = upload_contents(contents);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ((*again)[0].uploaded_bytes, 0u);
  EXPECT_EQ(store.reads_made().size(), 2u);
  EXPECT_EQ(upload_progress_.frames_read_again, 1u);
}

// What is said to be damaged may have been replaced since, and others rely on it.
TEST_F(UploadRemoteTest, ObjectIsLeftAloneWhenItsFramesWereOnlyDamagedOnTheirWay) {
  const auto contents = several(1, 3 * kMiB);
  const auto first = upload_contents(contents);
  ASSERT_TRUE(first.has_value());
  const std::string path = directory_.file("repository/" + format::object_key((*first)[0].content));
  const auto written = std::filesystem::last_write_time(path);
  RemoteStore& store = remote();
  std::set<std::uint64_t> seen;
  store.sent = [&](std::string_view, std::uint64_t offset, std::span<std::byte> bytes) {
    if (seen.insert(offset).second) bytes[bytes.size() / 2] ^= std::byte{1};
  };
  const std::set<format::ContentId> said_to_be_damaged{(*first)[0].content};
  UploadEnvironment environment = upload_environment();
  environment.replaced = &said_to_be_damaged;
  const UploadFile file{"a", directory_.file("source/f100"), 3 * kMiB};
  const auto again = upload({&file, 1}, environment, {});
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_GT(seen.size(), 12u);
  EXPECT_EQ((*again)[0].uploaded_bytes, 0u);
  EXPECT_EQ((*again)[0].frames, (*first)[0].frames);
  EXPECT_EQ(std::filesystem::last_write_time(path), written);
}

TEST_F(UploadRemoteTest, AStoreThatFailsIsNoDamage) {
  const auto contents = several(1, 3 * kMiB);
  const auto first = upload_contents(contents);
  ASSERT_TRUE(first.has_value());
  const std::string key = format::object_key((*first)[0].content);
  RemoteStore& store = remote();
  store.sent = [&](std::string_view, std::uint64_t offset, std::span<std::byte> bytes) {
    if (offset == 0) bytes[bytes.size() / 2] ^= std::byte{1};
  };
  int reads_of_first_frame = 0;
  store.before = [&](std::string_view verb, std::string_view, const StoreCall&) -> Result<void> {
    const auto reads = verb == "read" ? store.reads_made() : std::vector<RemoteStore::Read>();
    if (!reads.empty() && reads.back().offset == 0 && ++reads_of_first_frame == 2)
      return fail(ErrorCode::object_store_unavailable, "away");
    return {};
  };
  const std::set<format::ContentId> said_to_be_damaged{(*first)[0].content};
  UploadEnvironment environment = upload_environment();
  environment.replaced = &said_to_be_damaged;
  const UploadFile file{"a", directory_.file("source/f100"), 3 * kMiB};
  const auto again = upload({&file, 1}, environment, {});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::object_store_unavailable) << again.error().message;
  EXPECT_TRUE(store_->stat(key, {}).has_value());
}

// Its parts were counted as they were stored; they are not any more, the other one is.
TEST_F(UploadRemoteTest, ContentThatAnotherWriterStoredFirstCountsOnce) {
  const std::uint64_t bytes = 20 * kMiB;
  const auto contents = several(1, bytes);
  const auto first = upload_contents(contents);
  ASSERT_TRUE(first.has_value());
  const std::string key = format::object_key((*first)[0].content);
  const std::string object = restored::test::read_whole_file(directory_.file("repository/" + key));
  ASSERT_TRUE(store_->remove(key, {}));
  RemoteStore& store = remote();
  store.before = [&](std::string_view verb, std::string_view, const StoreCall&) -> Result<void> {
    if (verb != "commit") return {};
    return store_->put(key, std::as_bytes(std::span(object)), {});
  };
  upload_progress_.bytes_done = 0;
  const auto second = upload_contents(contents);
  ASSERT_TRUE(second.has_value()) << second.error().message;
  EXPECT_EQ((*second)[0].uploaded_bytes, 0u);
  EXPECT_TRUE(store.uploads_made().at(key).abandoned);
  EXPECT_EQ(upload_progress_.bytes_done, bytes);
  EXPECT_EQ(upload_progress_.bytes_reused, bytes);
}

TEST(EncodeTurnsTest, NoMoreThanThatManyEncodeAtOnce) {
  EncodeTurns turns(2);
  std::atomic<int> inside{0};
  std::atomic<bool> crowded{false};
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        const auto turn = turns.take({});
        ASSERT_TRUE(turn.has_value());
        if (++inside > 2) crowded = true;
        --inside;
      }
    });
  }
  threads.clear();
  EXPECT_FALSE(crowded);
}

TEST(EncodeTurnsTest, StopEndsAWait) {
  EncodeTurns turns(1);
  const auto held = turns.take({});
  ASSERT_TRUE(held.has_value());
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  const auto refused = turns.take(stop.get_token());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace restored::pipeline::test
