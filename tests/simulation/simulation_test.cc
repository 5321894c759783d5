// The engine simulated: seeds, each with hosts that live, die and are looked at (README.md).
//
//   RESTORED_TEST_LONG=1     20,000 seeds
//   RESTORED_SEEDS=5000      so many
//   RESTORED_FIRST_SEED=100  from there on
//   RESTORED_JOURNAL=file    a line a call of each life, to file.0, file.1, …
//   RESTORED_SEED=17         only this one, with the engine's log and all events: what a failure
//   prints
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "child.h"
#include "ledger.h"
#include "scenario.h"
#include "support/environment_number.h"

namespace restored::simulation {
namespace {

using test::number_of;

constexpr std::uint64_t short_form_seeds = 300;  // a quarter of a minute on two cores
constexpr std::uint64_t long_form_seeds = 20'000;

// What the processes of a run have in common.
struct Tally {
  // The run.
  std::uint64_t end;
  Manner manner;
  // Its course.
  std::atomic<std::uint64_t> next;
  std::atomic<std::uint64_t> seeds;
  std::atomic<std::uint64_t> steps;
  std::atomic<std::uint64_t> trace;  // of all seeds
  std::atomic<std::uint64_t> virtual_seconds;
  std::atomic<std::uint64_t> kills;
  std::atomic<std::uint64_t> power_losses;
  std::atomic<std::uint64_t> store_troubles;
  std::atomic<std::uint64_t> disk_troubles;
  std::atomic<std::uint64_t> told[4];
  std::atomic<std::uint64_t> committed;
  std::atomic<std::uint64_t> expired;
  std::atomic<std::uint64_t> created;
  std::atomic<std::uint64_t> removed;
  std::atomic<std::uint64_t> failures;
  char failure[8192];  // the first one
};

Tally* tally = nullptr;
int launcher = -1;  // a socket to it

std::string describe(std::uint64_t seed, const Outcome& outcome) {
  std::string text = outcome.plan;
  for (const std::string& problem : outcome.problems) text += "\n- " + problem;
  return text + "\nagain: RESTORED_SEED=" + std::to_string(seed) + " build/tests/simulation_test";
}

void run_one(std::uint64_t seed) {
  const Outcome outcome = run_seed(seed, tally->manner);
  ++tally->seeds;
  tally->steps += outcome.steps;
  tally->trace += outcome.trace * (2 * seed + 1);
  tally->virtual_seconds += static_cast<std::uint64_t>(outcome.virtual_seconds);
  tally->kills += outcome.kills;
  tally->power_losses += outcome.power_losses;
  tally->store_troubles += outcome.store_troubles;
  tally->disk_troubles += outcome.disk_troubles;
  for (std::size_t i = 0; i < 4; ++i) tally->told[i] += outcome.told[i];
  tally->committed += outcome.committed;
  tally->expired += outcome.expired;
  tally->created += outcome.created;
  tally->removed += outcome.removed;
  if (!tally->manner.quiet) {
    for (const Event& event : Ledger::shared().events())
      std::fprintf(stderr, "%s\n", print(event).c_str());
  }
  if (outcome.problems.empty() || tally->failures++ > 0) return;
  std::strncpy(tally->failure, describe(seed, outcome).c_str(), sizeof tally->failure - 1);
}

// False: it died.
bool in_process(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    work();
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// A process for each seed, all forked from this one, which never allocates: so the addresses in a
// seed's process are the same whatever ran before it.
void work(unsigned core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  sched_setaffinity(0, sizeof cores, &cores);  // a simulation runs one thread at a time
  for (;;) {
    const std::uint64_t seed = tally->next++;
    if (seed >= tally->end || tally->failures > 0) return;
    if (!in_process([seed] { run_one(seed); })) ++tally->failures;
  }
}

// Forked before anything else, so that its memory is that of a program that has just begun.
[[noreturn]] void launch(int commands) {
  char command = 0;
  while (::read(commands, &command, 1) == 1) {
    const long cores = ::sysconf(_SC_NPROCESSORS_ONLN);
    pid_t workers[256];
    const unsigned count = static_cast<unsigned>(std::min<long>(cores, 256));
    for (unsigned core = 0; core < count; ++core) {
      workers[core] = ::fork();
      if (workers[core] == 0) {
        work(core);
        ::_exit(0);
      }
    }
    for (unsigned core = 0; core < count; ++core) ::waitpid(workers[core], nullptr, 0);
    if (::write(commands, &command, 1) != 1) break;
  }
  ::_exit(0);
}

void begin_launcher() {
  void* memory =
      ::mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int ends[2];
  if (memory == MAP_FAILED || ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
  tally = new (memory) Tally();
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) {
    ::close(ends[0]);
    launch(ends[1]);
  }
  ::close(ends[1]);
  launcher = ends[0];
}

void run_seeds(std::uint64_t first, std::uint64_t end, const Manner& manner) {
  new (tally) Tally();
  tally->next = first;
  tally->end = end;
  tally->manner = manner;
  char command = 'r';
  ASSERT_EQ(::write(launcher, &command, 1), 1);
  ASSERT_EQ(::read(launcher, &command, 1), 1) << "the launcher died";
}

unsigned long long ull(std::uint64_t number) {
  return number;
}

TEST(SimulationTest, NothingIsLostAndNothingIsMixedWhateverGoesWrong) {
  std::uint64_t seeds = number_of("RESTORED_TEST_LONG") > 0 ? long_form_seeds : short_form_seeds;
  if (const std::uint64_t wanted = number_of("RESTORED_SEEDS"); wanted > 0) seeds = wanted;
  std::uint64_t first = std::max<std::uint64_t>(1, number_of("RESTORED_FIRST_SEED"));
  if (const std::uint64_t one = number_of("RESTORED_SEED"); one > 0) {
    first = one;
    seeds = 1;
  }
  const auto begin = std::chrono::steady_clock::now();
  run_seeds(first, first + seeds, {.quiet = seeds != 1});
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%llu seeds from %llu in %.0f s, %.0f a minute; %llu calls, %llu virtual hours\n",
              ull(tally->seeds), ull(first), seconds,
              60 * static_cast<double>(tally->seeds) / seconds, ull(tally->steps),
              ull(tally->virtual_seconds / 3600));
  std::printf("trace %llx; %llu kills, %llu power losses, %llu troubles of stores, %llu of disks\n",
              ull(tally->trace), ull(tally->kills), ull(tally->power_losses),
              ull(tally->store_troubles), ull(tally->disk_troubles));
  std::printf("operations: %llu succeeded, %llu failed or were refused, %llu cancelled\n",
              ull(tally->told[1]), ull(tally->told[2]), ull(tally->told[3]));
  std::printf("restores with a hold: %llu committed, %llu expired\n", ull(tally->committed),
              ull(tally->expired));
  std::printf("databases: %llu made from a backup or another one, %llu removed\n",
              ull(tally->created), ull(tally->removed));
  EXPECT_EQ(tally->failures, 0u) << tally->failure;
  EXPECT_EQ(tally->seeds, tally->failures > 0 ? tally->seeds.load() : seeds);
  if (tally->seeds < 100) return;
  EXPECT_GT(tally->told[1], tally->seeds) << "nothing was done";
  EXPECT_GT(tally->committed, 0u);
  EXPECT_GT(tally->expired, 0u);
  EXPECT_GT(tally->created, 0u);
  EXPECT_GT(tally->removed, 0u);
  EXPECT_GT(tally->kills, 0u);
  EXPECT_GT(tally->power_losses, 0u);
  EXPECT_GT(tally->store_troubles, 0u);
  EXPECT_GT(tally->disk_troubles, 0u);
}

// What they found once:
//   1697: a sync of a log fails beside a flush, and an assertion of RocksDB ends the process.
//   1237: a database whose making was cancelled before a crash is served empty after it.
TEST(SimulationTest, SeedsThatFoundSomethingFindNothing) {
  if (number_of("RESTORED_SEED") > 0) GTEST_SKIP() << "one seed was asked for";
  for (const std::uint64_t seed : {1697, 1237}) {
    run_seeds(seed, seed + 1, {.quiet = true});
    EXPECT_EQ(tally->failures, 0u) << tally->failure;
  }
}

TEST(SimulationTest, ASeedReplaysExactly) {
  if (number_of("RESTORED_SEED") > 0) GTEST_SKIP() << "one seed was asked for";
  run_seeds(1, 21, {.quiet = true});
  const std::uint64_t steps = tally->steps;
  const std::uint64_t trace = tally->trace;
  ASSERT_EQ(tally->seeds, 20u);
  run_seeds(1, 21, {.quiet = true});
  EXPECT_EQ(tally->steps, steps);
  EXPECT_EQ(tally->trace, trace);
}

TEST(SimulationTest, ALogThatIsNotSyncedIsFound) {
  if (number_of("RESTORED_SEED") > 0) GTEST_SKIP() << "one seed was asked for";
  run_seeds(1, 301, {.quiet = true, .logs_are_not_synced = true});
  EXPECT_GT(tally->failures, 0u);
}

}  // namespace
}  // namespace restored::simulation

int main(int count, char** arguments) {
  restored::simulation::fix_addresses(arguments);
  restored::simulation::begin_launcher();
  testing::InitGoogleTest(&count, arguments);
  return RUN_ALL_TESTS();
}
