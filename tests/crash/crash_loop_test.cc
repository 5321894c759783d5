// The agent under load, killed again and again: see README.md.
//
//   RESTORED_TEST_LONG=1       until a thousand kills
//   RESTORED_KILLS=5000        until that many
//   RESTORED_SEED=17           only this seed's: what a failure prints
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/kill_point.h"
#include "crash_loop.h"
#include "support/environment_number.h"

namespace restored::crash_test {
namespace {

using test::number_of;

constexpr std::chrono::seconds short_form{37};  // the last seed's kills come on top
constexpr std::uint64_t long_form_kills = 1000;

void print(const Tally& tally, std::uint64_t first, std::uint64_t last, double seconds) {
  std::printf("%llu kills of seeds %llu to %llu in %.0f s; %zu of %zu named places passed\n",
              static_cast<unsigned long long>(tally.kills), static_cast<unsigned long long>(first),
              static_cast<unsigned long long>(last), seconds, tally.passed.size(),
              kill_points().size());
  std::printf("%llu values written; operations:", static_cast<unsigned long long>(tally.values));
  for (const auto& [status, count] : tally.operations)
    std::printf(" %llu %s", static_cast<unsigned long long>(count), status.c_str());
  std::printf("\n");
  for (const std::string& place : tally.missed) {
    if (!tally.passed.contains(place)) std::printf("not passed: %s\n", place.c_str());
  }
}

TEST(CrashLoopTest, NothingIsLostAndNothingIsMixedWhereverTheAgentIsKilled) {
  const bool one = std::getenv("RESTORED_SEED") != nullptr;
  std::uint64_t kills = number_of("RESTORED_TEST_LONG") > 0 ? long_form_kills : 0;
  if (const std::uint64_t wanted = number_of("RESTORED_KILLS"); wanted > 0) kills = wanted;
  const std::uint64_t first = one ? number_of("RESTORED_SEED") : worlds_to_pass_all();
  const auto begin = std::chrono::steady_clock::now();
  Tally tally;
  std::uint64_t seed = first;
  for (;; ++seed) {
    const std::string wrong = CrashLoop(seed, tally).run();
    ASSERT_TRUE(wrong.empty()) << wrong;
    const auto passed = std::chrono::steady_clock::now() - begin;
    const bool all = seed + 1 == first + worlds_to_pass_all();
    if (one || (kills > 0 ? tally.kills >= kills : all || passed > short_form)) break;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  print(tally, first, seed, seconds.count());
  EXPECT_FALSE(tally.passed.empty());
  // In a thousand kills each place has its turn ten times.
  for (const std::string& place : tally.missed) {
    EXPECT_TRUE(kills == 0 || tally.passed.contains(place)) << place << " was never passed";
  }
  EXPECT_GT(tally.values, tally.kills) << "there was no load";
  EXPECT_GT(tally.operations["succeeded"], tally.kills) << "nothing was asked for";
}

}  // namespace
}  // namespace restored::crash_test
