#include "store/retry_loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "support/wait_until.h"

namespace restored::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

RetryPolicy quick(int budget_millis) {
  return {milliseconds(2), milliseconds(8), milliseconds(budget_millis)};
}

Trouble trouble(bool again) {
  return {
      {ErrorCode::object_store_unavailable, "503 from example:1", "hint"}, again, false, {}, 503};
}

TEST(RetryLoopTest, WhatSucceedsAtLastIsASuccess) {
  const StoreCall call;
  const RetryPolicy policy = quick(60'000);
  RetryLoop loop(policy, call, "the store");
  int tries = 0;
  const Result<int> answer = loop.run([&]() -> Attempt<int> {
    if (++tries < 5) return std::unexpected(trouble(true));
    return 42;
  });
  EXPECT_EQ(answer, 42);
  EXPECT_EQ(tries, 5);
}

TEST(RetryLoopTest, WhatCannotSucceedIsNotTriedAgain) {
  const StoreCall call;
  const RetryPolicy policy = quick(60'000);
  RetryLoop loop(policy, call, "the store");
  int tries = 0;
  const Result<void> answer = loop.run([&]() -> Attempt<void> {
    ++tries;
    return std::unexpected(trouble(false));
  });
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(answer.error().message, "503 from example:1");
  EXPECT_EQ(answer.error().hint, "hint");
}

TEST(RetryLoopTest, TheBudgetEndsAndTheErrorTellsHowOftenItWasTried) {
  const StoreCall call;
  const RetryPolicy policy = quick(50);
  RetryLoop loop(policy, call, "the store");
  unsigned tries = 0;
  const auto begin = steady_clock::now();
  const Result<void> answer = loop.run([&]() -> Attempt<void> {
    ++tries;
    return std::unexpected(trouble(true));
  });
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(5));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::object_store_unavailable);
  EXPECT_NE(answer.error().message.find("tried " + std::to_string(tries) + " times"),
            std::string::npos)
      << answer.error().message;
}

// Or a budget of ten seconds would end after a few, wherever the jitter fell.
TEST(RetryLoopTest, TheBudgetIsUsedToItsEndHoweverLongTheBackoff) {
  const StoreCall call;
  const RetryPolicy policy{std::chrono::hours(1), std::chrono::hours(1), milliseconds(300)};
  RetryLoop loop(policy, call, "the store");
  unsigned tries = 0;
  const auto begin = steady_clock::now();
  const Result<void> answer = loop.run([&]() -> Attempt<void> {
    ++tries;
    return std::unexpected(trouble(true));
  });
  EXPECT_GE(steady_clock::now() - begin, milliseconds(300));
  EXPECT_EQ(tries, 2u);
  EXPECT_EQ(answer.error().code, ErrorCode::object_store_unavailable);
}

TEST(RetryLoopTest, ProgressBeginsTheBudgetAnew) {
  const StoreCall call;
  const RetryPolicy policy = quick(40);
  RetryLoop loop(policy, call, "the store");
  int tries = 0;
  // Far more tries than one budget has room for.
  const Result<void> answer = loop.run([&]() -> Attempt<void> {
    loop.progress();
    if (++tries == 100) return {};
    return std::unexpected(trouble(true));
  });
  EXPECT_TRUE(answer);
}

TEST(RetryLoopTest, TheServersWishIsHeeded) {
  const StoreCall call;
  const RetryPolicy policy = quick(60'000);
  RetryLoop loop(policy, call, "the store");
  int tries = 0;
  const auto begin = steady_clock::now();
  EXPECT_TRUE(loop.run([&]() -> Attempt<void> {
    if (++tries == 2) return {};
    Trouble wish = trouble(true);
    wish.retry_after = milliseconds(150);
    return std::unexpected(std::move(wish));
  }));
  EXPECT_GE(steady_clock::now() - begin, milliseconds(150));
}

TEST(RetryLoopTest, AWishBeyondTheBudgetEndsTheCallAtOnce) {
  const StoreCall call;
  const RetryPolicy policy = quick(1'000);
  RetryLoop loop(policy, call, "the store");
  const auto begin = steady_clock::now();
  EXPECT_FALSE(loop.run([&]() -> Attempt<void> {
    Trouble wish = trouble(true);
    wish.retry_after = std::chrono::hours(1);
    return std::unexpected(std::move(wish));
  }));
  EXPECT_LT(steady_clock::now() - begin, milliseconds(900));
}

TEST(RetryLoopTest, WhatIsMendedIsTriedAtOnceButNotForEver) {
  const StoreCall call;
  const RetryPolicy policy{std::chrono::hours(1), std::chrono::hours(1), milliseconds(0)};
  RetryLoop loop(policy, call, "the store");
  int tries = 0;
  EXPECT_FALSE(loop.run([&]() -> Attempt<void> {
    ++tries;
    Trouble mended = trouble(true);
    mended.at_once = true;
    return std::unexpected(std::move(mended));
  }));
  EXPECT_EQ(tries, 4);
}

TEST(RetryLoopTest, WhatMustNotHappenTwiceIsTriedAgainOnlyWhenItSurelyDidNot) {
  StoreCall call;
  call.only_once = true;
  const RetryPolicy policy = quick(60'000);
  for (const unsigned in_doubt : {0u, 500u, 502u, 504u}) {
    RetryLoop loop(policy, call, "the store");
    int tries = 0;
    EXPECT_FALSE(loop.run([&]() -> Attempt<void> {
      ++tries;
      Trouble lost = trouble(true);
      lost.status = in_doubt;
      return std::unexpected(std::move(lost));
    }));
    EXPECT_EQ(tries, 1) << in_doubt;
  }
  RetryLoop loop(policy, call, "the store");
  int tries = 0;
  EXPECT_TRUE(loop.run([&]() -> Attempt<void> {
    if (++tries == 3) return {};
    return std::unexpected(trouble(true));  // 503
  }));
}

TEST(RetryLoopTest, CredentialsThatAreRefusedAgainEndTheCall) {
  const StoreCall call;
  const RetryPolicy policy{std::chrono::hours(1), std::chrono::hours(1), std::chrono::hours(9)};
  RetryLoop loop(policy, call, "the store");
  int tries = 0;
  const Result<void> answer = loop.run([&]() -> Attempt<void> {
    ++tries;
    Trouble expired = trouble(true);
    expired.error.code = ErrorCode::store_permission_denied;
    expired.at_once = true;
    return std::unexpected(std::move(expired));
  });
  EXPECT_EQ(answer.error().code, ErrorCode::store_permission_denied);
  EXPECT_EQ(tries, 4);
}

TEST(RetryLoopTest, AStopEndsTheWaitAndTheBoardToldOfIt) {
  std::stop_source stop;
  WaitBoard board;
  StoreCall call(stop.get_token());
  call.waits = &board;
  const RetryPolicy policy{std::chrono::hours(1), std::chrono::hours(1), std::chrono::hours(9)};
  std::jthread stopper([&] {
    EXPECT_TRUE(test::wait_until([&] { return board.current().has_value(); }));
    EXPECT_EQ(board.current()->reason, "the store: 503 from example:1");
    EXPECT_EQ(board.current()->attempts, 1u);
    stop.request_stop();
  });
  RetryLoop loop(policy, call, "the store");
  const Result<void> answer =
      loop.run([&]() -> Attempt<void> { return std::unexpected(trouble(true)); });
  EXPECT_EQ(answer.error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace restored::store
