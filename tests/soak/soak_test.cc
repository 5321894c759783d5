// One agent under load for a long time: see README.md.
//
//   RESTORED_TEST_LONG=1         an hour
//   RESTORED_SOAK_SECONDS=600    that long
//   RESTORED_SEED=17             other choices
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "ballast.h"
#include "checker.h"
#include "footprint.h"
#include "load.h"
#include "support/environment_number.h"
#include "support/wait_until.h"

namespace restored::soak_test {
namespace {

using crash_test::Checker;
using crash_test::Load;
using crash_test::World;
using test::number_of;

constexpr std::chrono::seconds short_form{4};
constexpr std::size_t rounds_min = 3;
constexpr std::chrono::seconds long_form{3600};
constexpr std::size_t collect_every = 4;  // rounds
constexpr std::size_t backups_kept = 6;
constexpr std::size_t rounds_for_bytes = 45;
constexpr std::size_t refused_passwords_kept = 100;
constexpr const char* configuration =
    "[data]\nthreads = 2\n[engine]\nblock_cache = \"16MiB\"\nmemory_budget = \"64MiB\"\n"
    "undo_time = \"1s\"\n[control]\nrequests_per_second = 0\n";

void run_load(World& world, std::uint64_t seed, std::chrono::milliseconds time) {
  world.wake();
  Load load(world, seed);
  load.write();
  std::vector<std::jthread> ballast;
  for (const crash_test::Loaded& database : world.loaded) {
    ballast.emplace_back([&world, id = database.id, seed,
                          client = system_test::RedisClient(world.agent().port(),
                                                            database.login.password)]() mutable {
      write_ballast(world, id, std::move(client), seed);
    });
  }
  load.control({crash_test::Step::backup}, {});
  std::this_thread::sleep_for(time);
  world.rest();
  load.join();
}

void print(const Footprint& footprint, double seconds) {
  const auto mebibytes = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1048576; };
  std::printf(
      "%6.0f s: memory %.1f MiB, %zu descriptors and %zu of tables, %zu threads, %zu column "
      "families, ",
      seconds, mebibytes(footprint.anonymous_bytes), std::size_t{footprint.descriptors},
      std::size_t{footprint.tables}, std::size_t{footprint.threads},
      std::size_t{footprint.column_families});
  std::printf("state %.1f MiB, repository %.1f MiB, %zu operations\n",
              mebibytes(footprint.state_bytes), mebibytes(footprint.repository_bytes),
              std::size_t{footprint.operations});
  std::fflush(stdout);
}

// The same databases at each footprint.
void remove_extras(World& world) {
  crash_test::ControlClient client(world.agent().socket(), world.agent().token());
  for (const crash_test::Extra& extra : world.extras) {
    const auto answer = client.call("DELETE", "/v1/databases/" + extra.id);
    if (answer.status != 204) world.wrong(extra.id + " cannot be removed: " + answer.text);
    world.refused_passwords.push_back(extra.login.password);
  }
  world.extras.clear();
}

void remove_old_backups(World& world) {
  using State = crash_test::BackupModel::State;
  crash_test::ControlClient client(world.agent().socket(), world.agent().token());
  for (const crash_test::BackupPointer& backup : world.backups) {
    if (world.complete_backups() <= backups_kept) return;
    if (!world.change_state(*backup, State::complete, State::gone)) continue;
    const auto answer = client.call("DELETE", "/v1/backups/" + backup->id);
    if (answer.status != 204) world.wrong(backup->id + " cannot be removed: " + answer.text);
  }
}

// What is in memtables and in a replaced generation depends on the moment. Flushed, and the undo
// time over, there is none of it.
void empty_databases(World& world) {
  crash_test::ControlClient client(world.agent().socket(), world.agent().token());
  Load load(world, 0);
  for (std::size_t i = 0; i < crash_test::loaded_count; ++i) {
    load.controller(i).take(crash_test::Step::flush);
    crash_test::Loaded& database = world.loaded[i];
    const auto retired = [&] {
      const auto seen = crash_test::generations_of(client, database.id);
      return seen && !seen->previous;
    };
    if (!test::wait_until(retired, std::chrono::seconds(60)))
      world.wrong(database.id + " keeps its previous generation beyond the undo time");
  }
}

void judge(World& world, bool collect) {
  remove_old_backups(world);
  Checker(world).check();
  if (collect) Checker(world).check_collection();
  remove_extras(world);
  empty_databases(world);
  auto& refused = world.refused_passwords;
  if (refused.size() > refused_passwords_kept)
    refused.erase(refused.begin(), refused.end() - refused_passwords_kept);
}

TEST(SoakTest, WhatAnAgentHoldsIsFlatUnderLoad) {
  const std::uint64_t seed = number_of("RESTORED_SEED");
  std::chrono::seconds length = number_of("RESTORED_TEST_LONG") > 0 ? long_form : short_form;
  if (const std::uint64_t wanted = number_of("RESTORED_SOAK_SECONDS"); wanted > 0)
    length = std::chrono::seconds(wanted);
  const auto round = std::min<std::chrono::milliseconds>(length / 2, std::chrono::seconds(20));
  World world(seed);
  world.next_agent(configuration, "");
  ASSERT_TRUE(world.wait_ready() && world.begin());
  for (crash_test::Loaded& database : world.loaded) database.model->previous_may_end(true);

  const auto begin = std::chrono::steady_clock::now();
  std::vector<Footprint> series;
  for (std::size_t i = 0; i < rounds_min || std::chrono::steady_clock::now() - begin < length;
       ++i) {
    run_load(world, seed + i, round);
    judge(world, i % collect_every == collect_every - 1);
    ASSERT_TRUE(world.problems().empty()) << world.problems().front() << "\n" << world.log_tail();
    series.push_back(footprint_of(world));
    world.operations.clear();  // the agent forgets the oldest
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    print(series.back(), passed.count());
  }
  EXPECT_GT(series.back().operations, series.size()) << "nothing was asked for";
  EXPECT_EQ(growth_in(series, series.size() >= rounds_for_bytes), "");
  EXPECT_EQ(world.agent().stop(), 0);
}

}  // namespace
}  // namespace restored::soak_test
