// Disks that fill up, devices that fail, users who change their mind.
#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <stop_token>

#include "backup_fixture.h"
#include "restored/limits.h"

namespace restored::pipeline::test {
namespace {

class FetchFaultTest : public BackupFixture {
 protected:
  // A call of this kind on a target fails, each in turn; every one is reported as what it was.
  void expect_each_failure_reported(Call call, ErrorCode code) {
    plan_.only("/target/");
    plan_.clear();
    ASSERT_TRUE(fetch_all().has_value());
    const std::uint64_t calls = plan_.count(call);
    ASSERT_GT(calls, 0u);
    const std::uint64_t step = std::max<std::uint64_t>(1, calls / 8);
    for (std::uint64_t nth = 1; nth <= calls; nth += step) {
      SCOPED_TRACE("call " + std::to_string(nth) + " of " + std::to_string(calls));
      plan_.clear();
      plan_.fail(call, nth, code);
      const auto fetched = fetch_all();
      ASSERT_FALSE(fetched.has_value());
      EXPECT_EQ(fetched.error().code, code) << fetched.error().message;
      EXPECT_NE(fetched.error().message.find(".sst"), std::string::npos) << fetched.error().message;
      expect_drained();
    }
    plan_.clear();
    ASSERT_TRUE(fetch_all().has_value());
    expect_all_restored();
  }
};

TEST_F(FetchFaultTest, FullDiskAtAnyWriteIsReported) {
  make_usual_backup();
  expect_each_failure_reported(Call::write, ErrorCode::no_space);
}

TEST_F(FetchFaultTest, FullDiskAtAnyAllocationIsReported) {
  make_usual_backup();
  expect_each_failure_reported(Call::allocate, ErrorCode::no_space);
}

TEST_F(FetchFaultTest, FailedSyncIsReported) {
  make_usual_backup();
  expect_each_failure_reported(Call::sync, ErrorCode::io_error);
}

TEST_F(FetchFaultTest, FailedTruncateIsReported) {
  make_usual_backup();
  expect_each_failure_reported(Call::truncate, ErrorCode::io_error);
}

TEST_F(FetchFaultTest, FailedCloseIsReported) {
  make_usual_backup();
  expect_each_failure_reported(Call::close, ErrorCode::io_error);
}

TEST_F(FetchFaultTest, FileWhoseSyncFailedIsNeverReportedDurable) {
  make_backup({{"000042.sst", seeded_content(1, 3 * kMiB, 0.5)}});
  plan_.only("/target/");
  plan_.fail(Call::sync, 1, ErrorCode::io_error);
  ASSERT_FALSE(fetch_all().has_value());
  EXPECT_TRUE(durable_.empty());
}

// What the device was asked to do, in order, and what the caller was told in between.
TEST_F(FetchFaultTest, DurableIsReportedOnlyAfterTheSyncThatFollowsTheLastWrite) {
  make_usual_backup();
  std::mutex mutex;
  std::map<std::string, std::string> events;  // per path: w(rite), t(runcate), s(ync), d(urable)
  plan_.only("/target/");
  plan_.before_each([&](Call call, const std::string& path) {
    const std::lock_guard lock(mutex);
    if (call == Call::write) events[path] += 'w';
    if (call == Call::truncate) events[path] += 't';
    if (call == Call::sync) events[path] += 's';
  });
  std::atomic<int> callbacks_at_once{0};
  const auto fetched = fetch(backup_, environment(),
                             [&](std::size_t file_index, FrameSpan, bool complete) -> Result<void> {
                               EXPECT_EQ(callbacks_at_once.fetch_add(1), 0);
                               {
                                 const std::lock_guard lock(mutex);
                                 events[backup_[file_index].target_path] += complete ? 'd' : '-';
                               }
                               --callbacks_at_once;
                               return {};
                             },
                             {});
  ASSERT_TRUE(fetched.has_value()) << fetched.error().message;
  for (std::size_t index = 0; index < backup_.size(); ++index) {
    const std::uint64_t frames = backup_[index].frames.size();
    const std::string seen = events[backup_[index].target_path];
    const std::size_t writes = seen.find_first_not_of('w');
    ASSERT_NE(writes, std::string::npos);
    EXPECT_GE(writes * limits::write_bytes_max, frames * limits::frame_bytes);
    EXPECT_EQ(seen.substr(writes), "tsd") << backup_[index].name;
  }
}

// The stop comes before the nth call that reaches the disk, at seeded places of the run.
TEST_F(FetchFaultTest, CancelAnywhereEndsSoonAndLeavesNothingUnderWay) {
  make_usual_backup();
  std::atomic<std::uint64_t> calls{0};
  plan_.before_each([&](Call, const std::string&) { ++calls; });
  ASSERT_TRUE(fetch_all().has_value());
  const std::uint64_t total = calls;
  ASSERT_GT(total, 20u);
  unsigned cancelled = 0;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::uint64_t at = 1 + random() % total;
    std::stop_source stop;
    calls = 0;
    plan_.before_each([&](Call, const std::string&) {
      if (++calls == at) stop.request_stop();
    });
    const auto begin = std::chrono::steady_clock::now();
    const auto fetched = fetch_all(stop.get_token());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
    if (!fetched) {
      EXPECT_EQ(fetched.error().code, ErrorCode::cancelled) << fetched.error().message;
      ++cancelled;
    }
    expect_drained();
  }
  EXPECT_GT(cancelled, 12u);
  plan_.before_each({});
  ASSERT_TRUE(fetch_all().has_value());
  expect_all_restored();
}

TEST_F(FetchFaultTest, CancelBeforeTheBeginningWritesNothing) {
  make_usual_backup();
  std::stop_source stop;
  stop.request_stop();
  plan_.only("/target/");
  plan_.clear();
  const auto fetched = fetch_all(stop.get_token());
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::cancelled);
  EXPECT_EQ(plan_.count(Call::write), 0u);
}

// A crash is a cancel that nobody cleaned up after: what was reported durable is enough to go on.
TEST_F(FetchFaultTest, ReportedFramesAreEnoughToGoOn) {
  make_usual_backup();
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const std::uint64_t at = 1 + random() % 26;
    std::stop_source stop;
    std::atomic<std::uint64_t> writes{0};
    plan_.before_each([&](Call call, const std::string&) {
      if (call == Call::write && ++writes == at) stop.request_stop();
    });
    for (auto& file : backup_) file.present.clear();
    (void)fetch_all(stop.get_token());
    plan_.before_each({});
    for (const Durable& durable : durable_) {
      if (durable.span.begin < durable.span.end) {
        backup_[durable.file_index].present.push_back(durable.span);
      }
    }
    ASSERT_TRUE(fetch_all().has_value());
    expect_all_restored();
  }
}

}  // namespace
}  // namespace restored::pipeline::test
