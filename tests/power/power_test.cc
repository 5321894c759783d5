// The power fails at any moment of an engine's life: what clients were told is there afterwards.
#include <gtest/gtest.h>

#include "base/log.h"
#include "runs.h"
#include "support/environment_number.h"

namespace restored::test {
namespace {

class PowerTest : public ::testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::error); }
  void TearDown() override { log::set_level(log::Level::info); }

  static bool long_form() { return number_of("RESTORED_TEST_LONG") != 0; }
  static std::uint64_t seed() {
    const std::uint64_t given = number_of("RESTORED_SEED");
    return given != 0 ? given : 1;
  }
  static void expect_nothing(const RunReport& report, std::uint64_t seed) {
    std::size_t shown = 0;
    for (const std::string& finding : report.findings) {
      if (++shown <= 10) ADD_FAILURE() << finding << "\n    RESTORED_SEED=" << seed;
    }
    std::printf(
        "seed %llu: %llu changing calls, %llu cuts, %llu cuts of a recovery, %zu findings\n",
        static_cast<unsigned long long>(seed), static_cast<unsigned long long>(report.calls),
        static_cast<unsigned long long>(report.cuts),
        static_cast<unsigned long long>(report.recuts), report.findings.size());
  }
};

TEST_F(PowerTest, AnyCutLeavesWhatClientsWereTold) {
  const Scene scene = make_scene();
  const std::uint64_t first = seed();
  const std::uint64_t runs = long_form() ? 5 : 1;
  for (std::uint64_t now = first; now < first + runs; ++now) {
    RunOptions options;
    options.cuts.seed = now;
    const std::uint64_t every = long_form() ? 1 : 9;
    options.cuts.times = [=](std::uint64_t call) {
      return (call + now) % every == 0 ? (every == 1 ? 2U : 1U) : 0U;
    };
    options.deep = now % 2 == 0;
    options.recut_every = long_form() ? 5 : 8;
    expect_nothing(run(scene, options), now);
  }
}

TEST_F(PowerTest, WhatTheProcessAfterAKillTellsOutlivesACut) {
  const Scene scene = make_scene();
  const std::uint64_t first = seed();
  const std::uint64_t every = long_form() ? 1 : 60;
  RunOptions options;
  options.cuts.seed = first;
  options.cuts.kills = true;
  options.cuts.times = [=](std::uint64_t call) { return (call + first) % every == 0 ? 1U : 0U; };
  expect_nothing(run(scene, options), first);
}

}  // namespace
}  // namespace restored::test
