#include <thread>

#include "base/memory_budget.h"
#include "file_store_fixture.h"
#include "restored/limits.h"

namespace restored::store {
namespace {

// Reads into leases, as the pipeline does: with a queue, without, and past the direct path.
class FileStoreReadTest : public FileStoreTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) queue_ = io::open_io_queue({}).value();
    store_ = open(queue_.get());
    ASSERT_TRUE(store_->put("object", bytes_of(content_), {}));
    lease_ = budget_->acquire(4 * kMiB, {}).value();
  }
  void expect_read(std::uint64_t offset, std::size_t at, std::size_t bytes) {
    const auto into = lease_.bytes().subspan(at, bytes);
    std::ranges::fill(into, std::byte{0xAA});
    const auto read = store_->read("object", offset, into, {});
    ASSERT_TRUE(read) << read.error().message;
    const auto expected = bytes_of(content_).subspan(offset, bytes);
    EXPECT_TRUE(std::ranges::equal(into, expected)) << offset << " +" << bytes << " at " << at;
  }

  const std::string content_ = random_text(3 * kMiB + 1234);
  std::unique_ptr<MemoryBudget> budget_ = MemoryBudget::make(8 * kMiB).value();
  std::unique_ptr<io::IoQueue> queue_;
  std::unique_ptr<ObjectStore> store_;
  MemoryLease lease_;
};

TEST_P(FileStoreReadTest, AnyOffsetLengthAndAlignmentGivesExactlyTheBytes) {
  const std::size_t end = content_.size();
  expect_read(0, 0, end);               // direct, and the tail
  expect_read(4096, 0, 2 * kMiB);       // direct
  expect_read(kMiB, 8192, end - kMiB);  // direct from the middle to the end
  expect_read(3 * kMiB, 0, 1234);       // the tail alone
  expect_read(4097, 0, kMiB);           // offset not aligned
  expect_read(4096, 1, kMiB);           // memory not aligned
  expect_read(4096, 0, kMiB + 17);      // length not aligned, not at the end
  expect_read(end - 1, 5, 1);
  expect_read(7, 0, 0);
}

TEST_P(FileStoreReadTest, BytesBesideTheSpanAreNotTouched) {
  const auto all = lease_.bytes();
  std::ranges::fill(all, std::byte{0xAA});
  ASSERT_TRUE(store_->read("object", 0, all.subspan(4096, kMiB + 1), {}));
  EXPECT_TRUE(
      std::ranges::all_of(all.first(4096), [](std::byte b) { return b == std::byte{0xAA}; }));
  EXPECT_TRUE(std::ranges::all_of(all.subspan(4096 + kMiB + 1),
                                  [](std::byte b) { return b == std::byte{0xAA}; }));
}

TEST_P(FileStoreReadTest, ShortObjectIsCorruption) {
  std::filesystem::resize_file(path("object"), 2 * kMiB + 100);
  for (const std::size_t bytes : {2 * kMiB + 101, 3 * kMiB}) {
    const auto read = store_->read("object", 0, lease_.bytes().first(bytes), {});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::corruption) << read.error().message;
  }
  const auto read = store_->read("object", 3 * kMiB, lease_.bytes().first(10), {});
  EXPECT_EQ(read.error().code, ErrorCode::corruption);
}

TEST_P(FileStoreReadTest, ManyThreadsReadAtOnce) {
  std::vector<std::jthread> threads;
  std::vector<MemoryLease> leases;
  for (int i = 0; i < 4; ++i) leases.push_back(budget_->acquire(kMiB, {}).value());
  for (MemoryLease& lease : leases)
    threads.emplace_back([&, into = lease.bytes()] {
      for (std::uint64_t offset = 0; offset + kMiB <= content_.size(); offset += 512 * kKiB) {
        ASSERT_TRUE(store_->read("object", offset, into, {}));
        ASSERT_TRUE(std::ranges::equal(into, bytes_of(content_).subspan(offset, kMiB)));
      }
    });
}

INSTANTIATE_TEST_SUITE_P(, FileStoreReadTest, testing::Bool(),
                         [](const auto& on_queue) { return on_queue.param ? "Queue" : "Pread"; });

}  // namespace
}  // namespace restored::store
