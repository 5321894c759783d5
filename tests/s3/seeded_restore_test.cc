// Hundreds of restores from a server that fails in every way at once: each ends right or with an
// error that says what is wrong, none hangs, none lies.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "clean_backup.h"
#include "seeded_runs.h"

namespace restored::test {
namespace {

using s3_server::Fault;
using s3_server::FaultMix;
using s3_server::FaultServer;
using s3_server::Kind;

constexpr std::chrono::seconds run_bound{20};

const CleanBackup& clean_backup() {
  static const CleanBackup made;
  return made;
}

std::string last_lines(const FaultServer& server) {
  std::string text;
  for (const std::string& line : server.log()) text += line + "\n";
  return text;
}

// One server and one place to restore to, for one run after another.
class Bench {
 public:
  Bench() { clean_backup().put_on(*server); }

  struct Ended {
    std::string what;     // "right", or the error's code
    std::string message;  // of the error
    bool good = false;    // the promise was kept
  };
  // Something was made wrong that no client can do anything about.
  bool for_good() const {
    for (std::size_t at = 1; at < s3_server::fault_count; ++at) {
      const auto fault = static_cast<Fault>(at);
      if (ends_for_good(fault) && server->made(fault) > 0) return true;
    }
    return false;
  }
  Ended run(const FaultMix& mix, std::uint64_t seed) {
    server->set_faults(mix, seed);
    const auto store = open_quick(*server);
    const RunBound bound(seed, run_bound);
    const auto restored = restorer.restore(*store, clean_backup().backup(), bound.stop());
    if (bound.passed()) return {"hung", "", false};
    if (restorer.leased_bytes() != 0) return {"memory not given back", "", false};
    if (server->count(Kind::list) != 0) return {"listed", "", false};
    if (restored) {
      const bool same = *restored == clean_backup().contents();
      return {same ? "right" : "WRONG BYTES", "", same};
    }
    const std::string complaint = unclear(restored.error());
    return {std::string(facts(restored.error().code).name), restored.error().message + complaint,
            complaint.empty()};
  }

  std::unique_ptr<FaultServer> server = FaultServer::start({});
  FileRestorer restorer;
};

TEST(SeededRestoreTest, EndsRightOrWithAClearErrorAndNeverHangs) {
  const SeedRange range = seeds(300, 5000);
  std::atomic<std::uint64_t> next = range.begin;
  std::mutex mutex;
  Outcomes outcomes;
  clean_backup();
  const auto work = [&] {
    Bench bench;
    for (std::uint64_t seed = next++; seed < range.end; seed = next++) {
      const Bench::Ended ended = bench.run(usual_mix(seed), seed);
      const std::scoped_lock lock(mutex);
      outcomes.add(ended.what);
      EXPECT_TRUE(ended.good) << "RESTORED_S3_SEED=" << seed << ": " << ended.what << ": "
                              << ended.message << "\n"
                              << last_lines(*bench.server);
      if (!bench.for_good()) {
        EXPECT_EQ(ended.what, "right")
            << "RESTORED_S3_SEED=" << seed << ": " << ended.message << "\n"
            << last_lines(*bench.server);
      }
      if (!ended.message.empty())
        std::fprintf(stderr, "seed %lu: %s\n", seed, ended.message.c_str());
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work);
  threads.clear();
  outcomes.print("restores");
}

// Alone and in every third request: what can be survived is survived, always.
TEST(SeededRestoreTest, EachFaultAloneIsSurvivedWhereItCanBe) {
  Bench bench;
  const SeedRange range = seeds(2, 20);
  for (std::size_t at = 1; at < s3_server::fault_count; ++at) {
    const auto fault = static_cast<Fault>(at);
    // A restore has no other requests.
    if (!applies(fault, Kind::get) && !applies(fault, Kind::head)) continue;
    const bool slow = fault == Fault::stall || fault == Fault::stall_mid_body ||
                      fault == Fault::slow_down_retry_after;
    Outcomes outcomes;
    std::uint64_t made = 0;
    // A run has few requests: on with more seeds until one of them got it.
    const std::uint64_t seed_max = range.begin + 50;
    for (std::uint64_t seed = range.begin; seed < range.end || (made == 0 && seed < seed_max);
         ++seed) {
      FaultMix mix;
      mix.stall = std::chrono::milliseconds(3'000);
      mix[fault] = slow ? 0.1 : 0.33;
      const Bench::Ended ended = bench.run(mix, seed);
      outcomes.add(ended.what);
      made += bench.server->made(fault);
      EXPECT_TRUE(ended.good) << name(fault) << " " << ended.message;
      // Damage that is found by a hash alone may come again and again.
      const bool damage = fault == Fault::flipped_bit || fault == Fault::wrong_bytes ||
                          fault == Fault::error_in_200 || fault == Fault::truncated_no_length ||
                          fault == Fault::length_too_short;
      if (ends_for_good(fault) || damage) continue;
      EXPECT_EQ(ended.what, "right")
          << name(fault) << ", seed " << seed << ": " << ended.message << "\n"
          << last_lines(*bench.server);
    }
    outcomes.print(std::string(name(fault)));
    EXPECT_GT(made, 0u) << name(fault) << ": nothing was survived";
  }
}

}  // namespace
}  // namespace restored::test
