// The same promises on the ring and on the pool of threads.
#include "io/io_queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/memory_budget.h"
#include "base/mutex.h"
#include "support/small_file_system.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"

namespace restored::io {
namespace {

using test::TemporaryDirectory;
using test::wait_until;

struct Mode {
  bool ring = false;
  Caching caching = Caching::buffered;
  bool registered = false;
};

std::string mode_name(const testing::TestParamInfo<Mode>& info) {
  return std::string(info.param.ring ? "Ring" : "Pool") +
         (info.param.caching == Caching::direct ? "Direct" : "Buffered") +
         (info.param.registered ? "Registered" : "");
}

// Each position has its own byte, so that content in the wrong place is seen.
void fill(std::span<std::byte> bytes, std::uint64_t seed) {
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    bytes[index] = static_cast<std::byte>((seed + index) * 0x9e3779b97f4a7c15ULL >> 56);
  }
}

class Results {
 public:
  Completion next() {
    return [this](Result<void> result) {
      MutexLock lock(mutex_);
      results_.push_back(std::move(result));
    };
  }
  // Waits for so many; what came by the deadline otherwise.
  std::vector<Result<void>> wait(std::size_t count) {
    (void)wait_until([&] {
      MutexLock lock(mutex_);
      return results_.size() >= count;
    });
    MutexLock lock(mutex_);
    return results_;
  }

 private:
  Mutex mutex_;
  std::vector<Result<void>> results_;
};

class IoQueueTest : public testing::TestWithParam<Mode> {
 protected:
  void SetUp() override {
    if (GetParam().ring && !probe().io_uring) GTEST_SKIP() << "no io_uring here: " << probe().note;
    auto made = MemoryBudget::make(64 * kMiB);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    budget_ = std::move(*made);
  }

  std::unique_ptr<IoQueue> open_queue(unsigned depth = limits::ring_depth) {
    IoQueueOptions options;
    options.io_uring = GetParam().ring;
    options.depth = depth;
    if (GetParam().registered) options.memory = budget_.get();
    auto queue = open_io_queue(options);
    EXPECT_TRUE(queue.has_value()) << queue.error().message;
    EXPECT_EQ((*queue)->on_ring(), GetParam().ring);
    return std::move(*queue);
  }
  std::unique_ptr<File> open_file(const std::string& name, Access access = Access::create) {
    auto file = system_files().open(directory_.file(name), access, GetParam().caching);
    EXPECT_TRUE(file.has_value()) << file.error().message;
    return std::move(*file);
  }
  MemoryLease lease(std::uint64_t bytes) {
    auto lease = budget_->acquire(bytes, {});
    EXPECT_TRUE(lease.has_value());
    return std::move(*lease);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<MemoryBudget> budget_;
};

TEST_P(IoQueueTest, WhatManyWriteAtOnceIsReadBack) {
  constexpr std::uint64_t total = 24 * kMiB;
  const auto queue = open_queue();
  const auto file = open_file("data");
  const MemoryLease written = lease(total);
  const MemoryLease read = lease(total);
  fill(written.bytes(), 7);
  Results results;
  // Lengths that are no divisor of the registered pieces, so that some pass their ends.
  constexpr std::size_t step = 300 * kKiB;
  std::size_t requests = 0;
  for (std::size_t begin = 0; begin < total; begin += step, ++requests) {
    queue->submit_write(*file, begin,
                        written.bytes().subspan(begin, std::min<std::size_t>(step, total - begin)),
                        results.next());
  }
  const auto outcomes = results.wait(requests);
  ASSERT_EQ(outcomes.size(), requests);
  for (const auto& outcome : outcomes) EXPECT_TRUE(outcome.has_value());
  const auto done = read_parallel(*queue, *file, 0, read.bytes());
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(std::memcmp(read.bytes().data(), written.bytes().data(), total), 0);
  EXPECT_GT(queue->busy_seconds(), 0.0);
  EXPECT_EQ(queue->registered(), GetParam().registered);
}

TEST_P(IoQueueTest, ReadPastTheEndIsCorruptionThatNamesTheFile) {
  const auto queue = open_queue();
  test::write_file(directory_.file("short"), std::string(6000, 'x'));
  const auto file = open_file("short", Access::read);
  const MemoryLease memory = lease(16 * kKiB);
  for (const std::uint64_t offset : {0ULL, 4096ULL, 8192ULL, 1048576ULL}) {
    const auto done = read_parallel(*queue, *file, offset, memory.bytes());
    ASSERT_FALSE(done.has_value()) << offset;
    EXPECT_EQ(done.error().code, ErrorCode::corruption);
    EXPECT_NE(done.error().message.find("short"), std::string::npos) << done.error().message;
  }
}

TEST_P(IoQueueTest, DestructorWaitsForEveryAcceptedRequest) {
  std::atomic<int> ended = 0;
  const auto file = open_file("data");
  const MemoryLease memory = lease(1 * kMiB);
  {
    const auto queue = open_queue(2);
    for (std::uint64_t index = 0; index < 40; ++index) {
      queue->submit_write(*file, index * kMiB, memory.bytes(), [&](Result<void> result) {
        if (result) ++ended;
      });
    }
  }
  EXPECT_EQ(ended, 40);
  EXPECT_EQ(file->size(), 40 * kMiB);
}

TEST_P(IoQueueTest, SubmitWaitsWhileFourTimesTheDepthIsQueued) {
  const auto queue = open_queue(1);
  const auto file = open_file("data");
  const MemoryLease memory = lease(4 * kKiB);
  std::atomic<bool> go = false;
  std::atomic<int> submitted = 0;
  std::atomic<int> ended = 0;
  // The first completion holds the queue's thread, so nothing else moves on a ring; on the pool
  // its one worker is the one that completes.
  std::thread submitter([&] {
    for (int index = 0; index < 20; ++index) {
      queue->submit_write(*file, 0, memory.bytes(), [&](Result<void>) {
        while (!go) std::this_thread::yield();
        ++ended;
      });
      ++submitted;
    }
  });
  // One or two left the queue before the first completion ran.
  EXPECT_TRUE(wait_until([&] { return submitted >= 4; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // time to go wrong
  EXPECT_LE(submitted, 6);
  go = true;
  submitter.join();
  EXPECT_TRUE(wait_until([&] { return ended == 20; }));
}

TEST_P(IoQueueTest, CompletionsOfManySubmittersNeverOverlap) {
  const auto queue = open_queue(8);
  const auto file = open_file("data");
  const MemoryLease memory = lease(4 * kKiB);
  std::atomic<int> inside = 0;
  std::atomic<int> overlaps = 0;
  std::atomic<int> ended = 0;
  std::vector<std::thread> submitters;
  for (std::uint64_t thread = 0; thread < 4; ++thread) {
    submitters.emplace_back([&, thread] {
      for (std::uint64_t index = 0; index < 200; ++index) {
        queue->submit_write(*file, (thread * 200 + index) * 4 * kKiB, memory.bytes(),
                            [&](Result<void> result) {
                              if (++inside > 1) ++overlaps;
                              if (result) ++ended;
                              --inside;
                            });
      }
    });
  }
  for (auto& submitter : submitters) submitter.join();
  EXPECT_TRUE(wait_until([&] { return ended == 800; })) << ended;
  EXPECT_EQ(overlaps, 0);
}

TEST_P(IoQueueTest, RequestForNothingEndsWell) {
  const auto queue = open_queue();
  const auto file = open_file("data");
  Results results;
  queue->submit_write(*file, 0, {}, results.next());
  queue->submit_read(*file, 0, {}, results.next());
  const auto outcomes = results.wait(2);
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_TRUE(outcomes[0].has_value());
  EXPECT_TRUE(outcomes[1].has_value());
  EXPECT_TRUE(read_parallel(*queue, *file, 0, {}).has_value());
}

TEST_P(IoQueueTest, WriteToAFileOpenForReadingIsAnError) {
  const auto queue = open_queue();
  test::write_file(directory_.file("data"), std::string(4096, 'x'));
  const auto file = open_file("data", Access::read);
  const MemoryLease memory = lease(4 * kKiB);
  Results results;
  queue->submit_write(*file, 0, memory.bytes(), results.next());
  const auto outcomes = results.wait(1);
  ASSERT_EQ(outcomes.size(), 1u);
  ASSERT_FALSE(outcomes[0].has_value());
  EXPECT_EQ(outcomes[0].error().code, ErrorCode::io_error);
  EXPECT_NE(outcomes[0].error().message.find(directory_.file("data")), std::string::npos);
}

TEST_P(IoQueueTest, FullFileSystemIsNoSpaceAndTheQueueGoesOn) {
  const test::SmallFileSystem small(directory_.path(), 256 * kKiB);
  if (!small.mounted()) GTEST_SKIP() << small.why_not();
  const auto queue = open_queue();
  const auto file = open_file("data");
  const MemoryLease memory = lease(1 * kMiB);
  Results results;
  queue->submit_write(*file, 0, memory.bytes(), results.next());
  auto outcomes = results.wait(1);
  ASSERT_EQ(outcomes.size(), 1u);
  ASSERT_FALSE(outcomes[0].has_value());
  EXPECT_EQ(outcomes[0].error().code, ErrorCode::no_space);
  EXPECT_NE(outcomes[0].error().message.find(file->path()), std::string::npos);
  ASSERT_TRUE(file->truncate(0).has_value());
  queue->submit_write(*file, 0, memory.bytes().first(64 * kKiB), results.next());
  outcomes = results.wait(2);
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_TRUE(outcomes[1].has_value());
}

TEST_P(IoQueueTest, CompletionsRunOnAThreadOfTheQueueAndEndWhatTheyHold) {
  const auto queue = open_queue();
  const auto file = open_file("data");
  MemoryLease memory = lease(4 * kKiB);
  const auto bytes = memory.bytes();
  std::atomic<bool> other_thread = false;
  const auto held = std::make_shared<MemoryLease>(std::move(memory));
  std::weak_ptr<MemoryLease> watch = held;
  queue->submit_write(*file, 0, bytes,
                      [held, &other_thread, caller = std::this_thread::get_id()](Result<void>) {
                        other_thread = std::this_thread::get_id() != caller;
                      });
  EXPECT_TRUE(wait_until([&] { return watch.use_count() == 1; })) << "only this test's is left";
  EXPECT_TRUE(other_thread);
}

INSTANTIATE_TEST_SUITE_P(
    All, IoQueueTest,
    testing::Values(Mode{true, Caching::buffered, false}, Mode{true, Caching::direct, false},
                    Mode{true, Caching::buffered, true}, Mode{true, Caching::direct, true},
                    Mode{false, Caching::buffered, false}, Mode{false, Caching::direct, false}),
    mode_name);

bool ring_is_available() {
  return probe().io_uring;
}

TEST(ProbeTest, SaysWhyNotExactlyWhenTheRingIsMissing) {
  EXPECT_EQ(probe().io_uring, probe().note.empty()) << probe().note;
  EXPECT_EQ(&probe(), &probe());
}

TEST(RegisteredBuffersTest, IdleQueueLetsTheBudgetGiveItsPagesBack) {
  if (!ring_is_available()) GTEST_SKIP() << probe().note;
  const auto budget = MemoryBudget::make(64 * kMiB);
  ASSERT_TRUE(budget.has_value());
  const TemporaryDirectory directory;
  const auto file = system_files().open(directory.file("data"), Access::create, Caching::direct);
  ASSERT_TRUE(file.has_value());
  const auto queue = open_io_queue({.io_uring = true, .depth = 4, .memory = budget->get()});
  ASSERT_TRUE(queue.has_value());
  const auto write_and_compare = [&](std::uint64_t seed) {
    auto lease = (*budget)->acquire(1 * kMiB, {});
    ASSERT_TRUE(lease.has_value());
    fill(lease->bytes(), seed);
    const std::vector<std::byte> expected(lease->bytes().begin(), lease->bytes().end());
    Results results;
    (*queue)->submit_write(**file, 0, lease->bytes(), results.next());
    ASSERT_EQ(results.wait(1).size(), 1u);
    const std::string found = test::read_whole_file(directory.file("data"));
    ASSERT_EQ(found.size(), expected.size());
    EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size()), 0);
  };
  write_and_compare(1);
  std::byte& first = (*budget)->arena().front();
  ASSERT_NE(first, std::byte{0});
  (*budget)->trim();
  // The ring has the pages until it has been idle for a moment; then they become zero pages.
  EXPECT_TRUE(wait_until([&] { return *const_cast<volatile std::byte*>(&first) == std::byte{0}; }));
  // New pages stand behind the same addresses now; the ring must see those.
  write_and_compare(2);
  write_and_compare(3);
}

// The limit binds only who has no CAP_IPC_LOCK: tried in a process that has given that up.
[[noreturn]] void write_without_memlock() {
  const rlimit none = {0, 0};
  if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0) std::_Exit(10);
  if (::getuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) std::_Exit(11);
  const auto budget = MemoryBudget::make(64 * kMiB);
  const TemporaryDirectory directory;
  const std::string path = directory.file("data");
  const auto file = system_files().open(path, Access::create, Caching::direct);
  IoQueueOptions options;
  options.memory = budget->get();
  const auto queue = open_io_queue(options);
  if (!budget || !file || !queue) std::_Exit(12);
  if (!(*queue)->on_ring()) std::_Exit(0);  // then there is nothing to register with
  const auto lease = (*budget)->acquire(1 * kMiB, {});
  fill(lease->bytes(), 5);
  Results results;
  (*queue)->submit_write(**file, 0, lease->bytes(), results.next());
  const auto outcomes = results.wait(1);
  if (outcomes.size() != 1 || !outcomes[0]) std::_Exit(13);
  if ((*queue)->registered()) std::_Exit(14);
  const std::string found = test::read_whole_file(path);
  const bool equal = found.size() == lease->bytes().size() &&
                     std::memcmp(found.data(), lease->bytes().data(), found.size()) == 0;
  std::filesystem::remove_all(directory.path());
  std::_Exit(equal ? 0 : 15);
}

TEST(RegisteredBuffersDeathTest, RefusedByMemlockLimitWritesWithPlainOnes) {
  if (!ring_is_available()) GTEST_SKIP() << probe().note;
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(write_without_memlock(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace restored::io
