// How often somebody may do something, and which answers are kept for a repetition.
#include <gtest/gtest.h>

#include <string>

#include "control/answers.h"
#include "control/idempotency.h"
#include "control/request_rate.h"

namespace restored::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Bucket::Time begin = Bucket::Time(seconds(1000));

TEST(RequestRateTest, ASecondsWorthAtOnceAndThenOneByOne) {
  RequestRate rate(4);
  const TokenId token("a");
  for (int count = 0; count < 4; ++count) EXPECT_TRUE(rate.take(token, begin));
  EXPECT_FALSE(rate.take(token, begin));
  EXPECT_TRUE(rate.take(TokenId("b"), begin)) << "each token has its own";
  EXPECT_FALSE(rate.take(token, begin + milliseconds(249)));
  EXPECT_TRUE(rate.take(token, begin + milliseconds(251)));
  EXPECT_FALSE(rate.take(token, begin + milliseconds(251)));
  EXPECT_FALSE(rate.take(token, begin)) << "a clock that is read late gives nothing";
  for (int count = 0; count < 4; ++count) EXPECT_TRUE(rate.take(token, begin + seconds(60)));
  EXPECT_FALSE(rate.take(token, begin + seconds(60))) << "no more than a second's worth is saved";
}

TEST(RequestRateTest, NoneIsNoLimit) {
  RequestRate rate;
  for (int count = 0; count < 10'000; ++count) EXPECT_TRUE(rate.take(TokenId("a"), begin));
  EXPECT_EQ(rate.buckets(), 0u);
}

TEST(RequestRateTest, WhoIsGoneIsForgotten) {
  RequestRate rate(1);
  const auto name = [](int count) { return TokenId("t" + std::to_string(count)); };
  for (int count = 0; count < 1000; ++count) rate.take(name(count), begin);
  EXPECT_FALSE(rate.take(name(0), begin)) << "none is forgotten while its bucket is not full";
  rate.take(TokenId("new"), begin + seconds(2));
  EXPECT_EQ(rate.buckets(), 1u);
}

TEST(IdempotencyTest, WhatMayPassIsNotKept) {
  constexpr ErrorCode all[] = {
#define RESTORED_ERROR(name, number, wire, http, exit, retry, hint) ErrorCode::name,
#include "restored/error_codes.def"
#undef RESTORED_ERROR
  };
  for (const ErrorCode code : all) {
    const ErrorFacts& row = facts(code);
    const bool passes = row.http_status >= 500 || row.retry;
    EXPECT_EQ(is_final(error_answer(Error{code, "", {}}, Surface::first, "")), !passes) << row.name;
    const Response second = error_answer(Error{code, "", {}}, Surface::second, "");
    if (second.status < 500 && !row.retry) continue;
    EXPECT_FALSE(is_final(second)) << row.name;
  }
  EXPECT_TRUE(is_final(ok_answer()));
  EXPECT_TRUE(is_final(empty_answer()));
}

}  // namespace
}  // namespace restored::control
