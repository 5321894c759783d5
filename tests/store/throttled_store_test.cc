#include "store/throttled_store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/wait_board.h"
#include "file_store_fixture.h"
#include "store/open_store.h"
#include "support/wait_until.h"

namespace restored::store {
namespace {

using std::chrono::steady_clock;

class ThrottledStoreTest : public FileStoreTest {
 protected:
  std::unique_ptr<ThrottledStore> throttled() {
    return std::make_unique<ThrottledStore>(open(), agent_);
  }
  Bandwidth agent_;
  const std::string bytes_ = std::string(1'000'000, 'x');
  std::span<const std::byte> content() const { return std::as_bytes(std::span(bytes_)); }
};

TEST_F(ThrottledStoreTest, ReadsAndWritesCountAgainstTheAgentsLimit) {
  const auto store = throttled();
  ASSERT_TRUE(store->put("a", content(), {}));
  agent_.set(10'000'000);
  std::vector<std::byte> into(bytes_.size());
  const auto begin = steady_clock::now();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(store->read("a", 0, into, {}));
    ASSERT_TRUE(store->put("b", content(), {}));
  }
  const auto upload = store->upload("c", {}, IfExists::keep);
  ASSERT_TRUE((*upload)->commit(content()));
  EXPECT_GE(steady_clock::now() - begin, std::chrono::milliseconds(590));
  EXPECT_EQ(store->get("c", bytes_.size(), {}), bytes_);
}

TEST_F(ThrottledStoreTest, AnOperationsLimitHoldsForItsCallsOnly) {
  const auto store = throttled();
  ASSERT_TRUE(store->put("a", content(), {}));
  Bandwidth operation(10'000'000);
  StoreCall limited;
  limited.bandwidth = &operation;
  std::vector<std::byte> into(bytes_.size());
  const auto begin = steady_clock::now();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(store->read("a", 0, into, limited));
  EXPECT_GE(steady_clock::now() - begin, std::chrono::milliseconds(290));
  const auto free = steady_clock::now();
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(store->read("a", 0, into, {}));
  EXPECT_LT(steady_clock::now() - free, std::chrono::milliseconds(290));
}

TEST_F(ThrottledStoreTest, WhoAsksForADocumentDoesNotQueueBehindBulkData) {
  const auto store = throttled();
  ASSERT_TRUE(store->put("a", content(), {}));
  agent_.set(1);
  std::vector<std::byte> into(bytes_.size());
  ASSERT_TRUE(store->read("a", 0, into, {}));  // a million seconds of debt
  const auto begin = steady_clock::now();
  ASSERT_TRUE(store->put("small", content().first(1000), {}));
  EXPECT_TRUE(store->get("small", 1000, {}));
  StoreCall brief;
  brief.patience = std::chrono::seconds(1);
  EXPECT_TRUE(store->get("a", bytes_.size(), brief));
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(2));
}

TEST_F(ThrottledStoreTest, AWaitIsToldAndEndsWithAStop) {
  const auto store = throttled();
  ASSERT_TRUE(store->put("a", content(), {}));
  agent_.set(1);
  std::stop_source stop;
  WaitBoard board;
  StoreCall call(stop.get_token());
  call.waits = &board;
  std::vector<std::byte> into(bytes_.size());
  ASSERT_TRUE(store->read("a", 0, into, call));  // into debt
  std::jthread stopper([&] {
    EXPECT_TRUE(test::wait_until([&] { return board.current().has_value(); }));
    EXPECT_EQ(board.current()->reason, "the agent's bandwidth limit");
    stop.request_stop();
  });
  EXPECT_EQ(store->read("a", 0, into, call).error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace restored::store
