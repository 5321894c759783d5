#include "crash_loop.h"

#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <thread>

#include "checker.h"
#include "leftovers.h"
#include "load.h"

namespace restored::crash_test {
namespace {

constexpr std::chrono::seconds named_place_deadline{3};
constexpr std::uint64_t recovery_micros_max = 80'000;

bool was_killed(int status) {
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

}  // namespace

CrashLoop::CrashLoop(std::uint64_t seed, Tally& tally) : world_(seed), seed_(seed), tally_(tally) {}

std::string CrashLoop::run() {
  const std::vector<Round> rounds = rounds_of(seed_);
  std::string where = "at its beginning";
  bool going = begin();
  for (std::size_t i = 0; going && i < rounds.size(); ++i) {
    where = "kill " + std::to_string(i) + ", " + rounds[i].name();
    going = run_round(rounds[i]);
    std::printf("seed %llu kill %zu: %s\n", static_cast<unsigned long long>(seed_), i,
                rounds[i].name().c_str());
  }
  if (going) {
    where = "after all kills";
    going = finish(rounds.back().toml);
  }
  count();
  if (going) return {};
  std::string text = "RESTORED_SEED=" + std::to_string(seed_) + ", " + where + ":\n";
  for (const std::string& problem : world_.problems()) text += "  " + problem + "\n";
  return text + "the agents' log:\n" + world_.log_tail();
}

void CrashLoop::count() {
  tally_.values += world_.values();
  for (const auto& [id, status] : world_.operations) ++tally_.operations[status];
}

// The databases, with some content, and a backup of each.
bool CrashLoop::begin() {
  world_.next_agent(rounds_of(seed_).front().toml, "");
  if (!world_.wait_ready() || !world_.begin()) {
    world_.wrong("the databases cannot be made");
    return false;
  }
  Load load(world_, seed_);
  load.write();
  for (std::size_t i = 0; i < loaded_count; ++i) load.controller(i).take(Step::backup);
  world_.kill_agent();
  load.join();
  const bool right = check(rounds_of(seed_).front().toml);
  world_.kill_agent();
  return right;
}

bool CrashLoop::run_round(const Round& round) {
  const bool may_end = round.toml.find("undo_time = \"1s\"") != std::string::npos;
  for (Loaded& database : world_.loaded) database.model->previous_may_end(may_end);
  if (round.expired && !let_undo_time_end(round)) return false;
  grow_stale_marks(world_.repository());
  world_.next_agent(round.toml, round.kill_point, round.new_admin_token);
  if (world_.wait_ready()) {
    die_under_load(round);
  } else {
    ++tally_.kills;
    tally_.passed.insert(round.kill_point);
  }
  die_in_recovery(round);
  if (!check(round.toml)) return false;
  if (round.collects) {
    Checker(world_).check_collection();
    if (!fine()) return false;
  }
  if (round.clean_stop && world_.agent().stop() != 0) world_.wrong("it does not stop cleanly");
  world_.kill_agent();
  return fine();
}

// The next agent finds a generation that can be undone no longer.
bool CrashLoop::let_undo_time_end(const Round& round) {
  world_.next_agent(round.toml, "");
  if (!world_.wait_ready()) return false;
  Load load(world_, round.seed);
  load.controller(0).take(Step::restore);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  world_.kill_agent();
  return fine();
}

void CrashLoop::die_under_load(const Round& round) {
  Load load(world_, round.seed);
  load.write();
  load.control(round.steps, round.lifecycle);
  if (round.kill_point.empty()) {
    std::this_thread::sleep_for(std::chrono::microseconds(round.moment_micros));
  } else if (const auto status = world_.agent().wait_exit(named_place_deadline)) {
    if (!was_killed(*status)) world_.wrong("it ended by itself: " + std::to_string(*status));
    tally_.passed.insert(round.kill_point);
  } else {
    tally_.missed.insert(round.kill_point);
  }
  world_.kill_agent();
  load.join();
  ++tally_.kills;
}

void CrashLoop::die_in_recovery(const Round& round) {
  std::mt19937_64 random(round.seed);
  for (unsigned i = 0; i < round.recovery_kills; ++i) {
    world_.next_agent(round.toml, "");
    std::this_thread::sleep_for(std::chrono::microseconds(random() % recovery_micros_max));
    if (!world_.agent().running()) world_.wrong("it ended by itself");
    world_.kill_agent();
    ++tally_.kills;
  }
}

bool CrashLoop::check(const std::string& toml) {
  world_.next_agent(toml, "");
  if (world_.wait_ready()) {
    Checker(world_).check();
  } else {
    world_.wrong("it does not start again");
  }
  return fine();
}

// A last restore and undo, and once more from the disk.
bool CrashLoop::finish(const std::string& toml) {
  if (!check(toml)) return false;
  for (const Step step : {Step::restore, Step::undo}) {
    Load(world_, seed_).controller(0).take(step);
    Checker(world_).check();
    if (!fine()) return false;
  }
  Checker(world_).check_collection();
  if (world_.agent().stop() != 0) world_.wrong("it does not stop cleanly");
  if (!check(toml)) return false;
  if (world_.agent().stop() != 0) world_.wrong("it does not stop cleanly");
  return fine();
}

}  // namespace restored::crash_test
