// Reading from a store across a network: turns, memory, versions, bytes that come wrong once.
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "backup_fixture.h"
#include "base/bandwidth.h"
#include "base/object_versions.h"
#include "remote_store.h"
#include "restored/limits.h"
#include "support/wait_until.h"

namespace restored::pipeline::test {
namespace {

using namespace std::chrono_literals;
using restored::test::wait_until;

class FetchRemoteTest : public BackupFixture {
 protected:
  // Around the store, for runs from now on.
  RemoteStore& remote(unsigned turns = 32) {
    remote_ = std::make_unique<RemoteStore>(opened_store(), turns);
    store_used_ = remote_.get();
    return *remote_;
  }
  ~FetchRemoteTest() override { remote_.reset(); }

  void make_large_and_small_backup(std::size_t small_files = 10) {
    std::map<std::string, std::string> contents;
    for (std::size_t index = 0; index < small_files; ++index) {
      contents["s" + std::to_string(1000 + index)] = seeded_content(index, 100 + 37 * index, 0.5);
    }
    contents["l1"] = seeded_content(1001, 18 * kMiB, 1.0);
    contents["l2"] = seeded_content(1002, 18 * kMiB, 0.1);
    make_backup(contents);
  }

  // The object's bytes of one frame.
  std::uint64_t frame_begin(std::uint64_t frame) const { return stored_offset(0, frame); }

  std::unique_ptr<RemoteStore> remote_;
};

TEST_F(FetchRemoteTest, SmallestBudgetWithASlowStoreIsSlowerAndNeverStuck) {
  make_large_and_small_backup(limits::target_files_open_max + 10);
  RemoteStore& store = remote(32);
  store.latency = 3ms;
  const auto fetched = fetch_all();
  ASSERT_TRUE(fetched.has_value()) << fetched.error().message;
  expect_all_restored();
  expect_drained();
  EXPECT_GT(store.most_reads_at_once(), 2u);
}

TEST_F(FetchRemoteTest, OneTurnIsEnough) {
  make_large_and_small_backup();
  RemoteStore& store = remote(1);
  const auto fetched = fetch_all();
  ASSERT_TRUE(fetched.has_value()) << fetched.error().message;
  expect_all_restored();
  EXPECT_EQ(store.most_reads_at_once(), 1u);
}

// Restore, verification and backup at once, each with more threads than there is memory for.
TEST_F(FetchRemoteTest, RunsThatShareTheSmallestBudgetAllEnd) {
  make_large_and_small_backup();
  RemoteStore& store = remote(4);
  store.latency = 2ms;
  const auto sources = write_sources({{"new1", seeded_content(2001, 14 * kMiB, 1.0)},
                                      {"new2", seeded_content(2002, 14 * kMiB, 0.5)},
                                      {"new3", seeded_content(2003, 9 * kMiB, 1.0)}});
  Progress verified_progress;
  Result<void> verified;
  Result<std::vector<UploadedFile>> uploaded;
  {
    std::jthread verify([&] {
      FetchEnvironment own{*store_used_, *files_, *queue_, *budget_, verified_progress};
      verified = verify_objects(backup_, own, {});
    });
    std::jthread backup([&] { uploaded = upload(sources, upload_environment(), {}); });
    const auto fetched = fetch_all();
    EXPECT_TRUE(fetched.has_value()) << fetched.error().message;
  }
  EXPECT_TRUE(verified.has_value()) << verified.error().message;
  EXPECT_TRUE(uploaded.has_value()) << uploaded.error().message;
  expect_all_restored();
  expect_drained();
}

TEST_F(FetchRemoteTest, WhoWaitsForATurnHoldsNoMemory) {
  make_backup({{"a", seeded_content(1, 40 * kMiB, 1.0)}, {"b", seeded_content(2, kMiB, 1.0)}});
  RemoteStore& store = remote(1);
  std::atomic<bool> first{true};
  std::uint64_t in_use = 0;
  store.before = [&](std::string_view, std::string_view, const StoreCall&) -> Result<void> {
    if (!first.exchange(false)) return {};
    EXPECT_TRUE(wait_until([&] { return store.turns().waiting() >= 4; }));
    in_use = budget_->in_use_bytes();
    return {};
  };
  ASSERT_TRUE(fetch_all().has_value());
  EXPECT_GT(in_use, 0u);
  EXPECT_LE(in_use, limits::range_lease_bytes_max);
}

TEST_F(FetchRemoteTest, ARunAtItsBandwidthLimitKeepsNothingFromAnother) {
  make_backup({{"a", seeded_content(1, 40 * kMiB, 1.0)}});
  RemoteStore& store = remote(1);
  Bandwidth trickle(1);
  Progress slow_progress;
  FetchEnvironment slow{store, *files_, *queue_, *budget_, slow_progress, nullptr, &trickle};
  std::stop_source stop;
  Result<void> slowly;
  {
    std::jthread thread([&] { slowly = verify_objects(backup_, slow, stop.get_token()); });
    // The first read put the limit into debt for days: everybody else waits for it now.
    ASSERT_TRUE(wait_until([&] { return slow_progress.bytes_done > 0; }));
    ASSERT_TRUE(wait_until([&] { return budget_->in_use_bytes() == 0; }));
    const auto fetched = fetch_all();
    EXPECT_TRUE(fetched.has_value()) << fetched.error().message;
    expect_all_restored();
    stop.request_stop();
  }
  ASSERT_FALSE(slowly.has_value());
  EXPECT_EQ(slowly.error().code, ErrorCode::cancelled);
}

TEST_F(FetchRemoteTest, SmallRunStartsFewThreads) {
  make_backup({{"a", seeded_content(1, 1000, 1.0)}});
  RemoteStore& store = remote();
  std::set<std::thread::id> threads;
  std::mutex mutex;
  store.before = [&](std::string_view, std::string_view, const StoreCall&) -> Result<void> {
    const std::scoped_lock lock(mutex);
    threads.insert(std::this_thread::get_id());
    return {};
  };
  ASSERT_TRUE(fetch_all().has_value());
  EXPECT_EQ(threads.size(), 1u);
}

TEST_F(FetchRemoteTest, FrameThatCameWrongOnceIsReadAgainAlone) {
  make_backup({{"000042.sst", seeded_content(1, 20 * kMiB + 99, 0.5)}});
  RemoteStore& store = remote();
  const std::uint64_t frame = 13;
  std::atomic<bool> first{true};
  store.sent = [&](std::string_view, std::uint64_t offset, std::span<std::byte> bytes) {
    const std::uint64_t place = frame_begin(frame) + 77;
    if (place < offset || place >= offset + bytes.size()) return;
    if (first.exchange(false)) bytes[place - offset] ^= std::byte{1};
  };
  const auto fetched = fetch_all();
  ASSERT_TRUE(fetched.has_value()) << fetched.error().message;
  expect_all_restored();
  EXPECT_EQ(progress_.frames_read_again, 1u);
  const auto again = store.reads_made().back();
  EXPECT_EQ(again.offset, frame_begin(frame));
  EXPECT_EQ(again.bytes, backup_[0].frames[frame].stored_bytes);
}

TEST_F(FetchRemoteTest, EveryFrameMayComeWrongOnce) {
  make_backup({{"a", seeded_content(1, 20 * kMiB + 99, 0.5)}, {"b", seeded_content(2, kMiB, 1.0)}});
  RemoteStore& store = remote();
  std::set<std::pair<std::string, std::uint64_t>> seen;
  std::mutex mutex;
  // The first time that an offset is sent, everything is wrong.
  store.sent = [&](std::string_view key, std::uint64_t offset, std::span<std::byte> bytes) {
    const std::scoped_lock lock(mutex);
    if (bytes.size() <= limits::frame_stored_bytes_max && offset % limits::io_alignment != 0)
      return;
    if (!seen.emplace(key, offset).second) return;
    for (std::byte& byte : bytes) byte ^= std::byte{0x10};
  };
  const auto fetched = verify_objects(backup_, environment(), {});
  ASSERT_TRUE(fetched.has_value()) << fetched.error().message;
  EXPECT_GE(progress_.frames_read_again, backup_[0].frames.size());
  expect_drained();
}

TEST_F(FetchRemoteTest, FrameThatStaysWrongIsCorruptionAndSaysThatItWasReadAgain) {
  make_backup({{"000042.sst", seeded_content(1, 5 * limits::frame_bytes, 0.5)}});
  RemoteStore& store = remote();
  store.sent = [&](std::string_view, std::uint64_t offset, std::span<std::byte> bytes) {
    const std::uint64_t place = frame_begin(3) + 5;
    if (place >= offset && place < offset + bytes.size()) bytes[place - offset] ^= std::byte{1};
  };
  const auto fetched = fetch_all();
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::corruption);
  EXPECT_NE(fetched.error().message.find("frame 3 of 000042.sst"), std::string::npos);
  EXPECT_NE(fetched.error().message.find("also when read again"), std::string::npos)
      << fetched.error().message;
  EXPECT_EQ(store.reads_made().size(), 1 + limits::object_reads_again_max);
  expect_drained();
}

TEST_F(FetchRemoteTest, SeekTableThatCameWrongOnceIsReadAgain) {
  make_backup({{"000042.sst", seeded_content(1, 5 * limits::frame_bytes, 0.5)}});
  RemoteStore& store = remote();
  const std::uint64_t table_begin = uploaded_[0].stored_bytes;
  std::atomic<int> wrong{1};
  store.sent = [&](std::string_view, std::uint64_t offset, std::span<std::byte> bytes) {
    if (wrong-- > 0) bytes[table_begin + 20 - offset] ^= std::byte{1};
  };
  const auto fetched = fetch_all();
  ASSERT_TRUE(fetched.has_value()) << fetched.error().message;
  expect_all_restored();
  EXPECT_EQ(store.reads_made().back().offset, table_begin);
  EXPECT_EQ(store.reads_made().back().bytes, format::seek_table_bytes(5));

  wrong = 100;
  const auto again = fetch_all();
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::corruption);
  EXPECT_NE(again.error().message.find("seek table of 000042.sst"), std::string::npos);
  EXPECT_NE(again.error().message.find("also when read again"), std::string::npos);
}

TEST_F(FetchRemoteTest, ObjectThatIsGoneWhenReadAgainIsNotCalledCorrupt) {
  make_backup({{"000042.sst", seeded_content(1, 5 * limits::frame_bytes, 0.5)}});
  RemoteStore& store = remote();
  std::atomic<int> reads{0};
  store.before = [&](std::string_view, std::string_view key, const StoreCall&) -> Result<void> {
    if (++reads == 1) return {};
    return fail(ErrorCode::object_not_found, std::string(key));
  };
  store.sent = [&](std::string_view, std::uint64_t, std::span<std::byte> bytes) {
    bytes[100] ^= std::byte{1};
  };
  const auto fetched = fetch_all();
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::object_not_found) << fetched.error().message;
  EXPECT_NE(fetched.error().message.find("frame 0 of 000042.sst"), std::string::npos);
}

TEST_F(FetchRemoteTest, ObjectThatChangesBetweenTwoOfItsReadsIsNoticed) {
  make_backup({{"000042.sst", seeded_content(1, 20 * kMiB, 1.0)}});
  for (const bool verify : {false, true}) {
    RemoteStore& store = remote(1);
    std::atomic<int> reads{0};
    store.before = [&](std::string_view verb, std::string_view key,
                       const StoreCall&) -> Result<void> {
      if (verb == "read" && ++reads == 2) store.change_version(std::string(key));
      return {};
    };
    const auto done = verify ? verify_objects(backup_, environment(), {}) : fetch_all();
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, ErrorCode::object_changed) << done.error().message;
    expect_drained();
  }
}

TEST_F(FetchRemoteTest, VersionIsForgottenWithItsFile) {
  make_backup({{"a", seeded_content(1, 20 * kMiB, 1.0)}, {"b", seeded_content(2, kMiB, 1.0)}});
  for (const bool verify : {false, true}) {
    RemoteStore& store =
        remote(2);              // whichever file's read begins first, the other goes on beside it
    std::atomic<int> reads{0};  // of the first file, each noted its version
    store.sent = [&](std::string_view key, std::uint64_t, std::span<std::byte>) {
      if (key == backup_[0].object_key) ++reads;
    };
    store.before = [&](std::string_view verb, std::string_view key,
                       const StoreCall& call) -> Result<void> {
      if (verb != "read" || key != backup_[1].object_key) return {};
      EXPECT_TRUE(wait_until(
          [&] { return reads > 0 && call.versions->expected(backup_[0].object_key).empty(); }));
      return {};
    };
    const auto done = verify ? verify_objects(backup_, environment(), {}) : fetch_all();
    EXPECT_TRUE(done.has_value()) << done.error().message;
  }
}

}  // namespace
}  // namespace restored::pipeline::test
