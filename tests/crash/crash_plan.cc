#include "crash_plan.h"

#include <algorithm>
#include <random>
#include <string_view>

#include "base/kill_point.h"

namespace restored::crash_test {
namespace {

constexpr std::size_t named_per_world = 6;
constexpr std::size_t moments_per_world = 4;
constexpr std::uint64_t moment_micros_max = 250'000;

// A schedule makes backups that no client asks for: its places are the kill test's alone.
std::vector<std::string> places_passed() {
  std::vector<std::string> places;
  for (const std::string_view place : kill_points())
    if (!place.starts_with("schedule.")) places.emplace_back(place);
  return places;
}

std::vector<std::string> shuffled_places(std::uint64_t seed) {
  std::vector<std::string> places = places_passed();
  std::mt19937_64 random(seed);
  // Spelled out: what std::shuffle does is not the same everywhere.
  for (std::size_t i = places.size(); i > 1; --i) std::swap(places[i - 1], places[random() % i]);
  return places;
}

struct Way {
  std::string_view prefix;
  std::vector<Step> steps;
  std::vector<LifecycleStep> lifecycle;
};

// What passes the places. The first prefix that fits counts.
const std::vector<Way>& ways() {
  using enum Step;
  static const std::vector<Way> all = {
      {"catalog.create.", {}, {LifecycleStep::create}},
      {"restore.create.", {}, {LifecycleStep::create}},
      {"restore.remove.", {}, {LifecycleStep::create, LifecycleStep::remove}},
      {"catalog.export.", {backup}, {}},
      {"backup.", {backup}, {}},
      {"control.", {backup}, {}},
      {"catalog.replace.", {flush}, {}},
      {"catalog.retire.", {flush, backup, flush, backup, flush}, {}},
      {"catalog.undo.", {flush, undo}, {}},
      {"restore.undo.", {flush, undo}, {}},
      {"restore.run.after-hold", {held_restore}, {}},
      {"restore.run.after-commit", {held_restore}, {}},
      {"restore.commit.", {held_restore}, {}},
      {"restore.clone.", {clone}, {}},
      {"restore.", {restore_other}, {}},
      {"catalog.", {restore_other}, {}},
  };
  return all;
}

std::string configuration(std::mt19937_64& random, bool short_undo) {
  const bool device = random() % 4 == 0;
  const bool full = random() % 4 == 0;
  const bool ring = random() % 2 == 0;
  std::string text = "log_level = \"info\"\n[data]\nthreads = 2\ndurability = \"";
  text += device ? "device" : "process";
  text += "\"\n[engine]\nspace_reserve = \"1MiB\"\nblock_cache = \"16MiB\"\ndirect_io = false\n";
  text += std::string("io_uring = ") + (ring ? "true" : "false") + "\n";
  text += std::string("verify = \"") + (full ? "full" : "sampled") + "\"\n";
  text += std::string("undo_time = \"") + (short_undo ? "1s" : "24h") + "\"\n";
  // Who waits here asks again at once.
  return text + "[control]\nrequests_per_second = 0\n";
}

void choose_way(Round& round) {
  for (const Way& way : ways()) {
    if (!round.kill_point.starts_with(way.prefix)) continue;
    round.steps = way.steps;
    round.lifecycle = way.lifecycle;
    return;
  }
}

Round make_round(std::mt19937_64& random, const std::string& place) {
  Round round;
  round.kill_point = place;
  round.new_admin_token = place.starts_with("agent.token.");
  round.expired = place.starts_with("catalog.retire.") && place.ends_with("-record");
  round.moment_micros = random() % moment_micros_max;
  round.recovery_kills = random() % 4 == 0 ? 1 + static_cast<unsigned>(random() % 2) : 0;
  round.collects = random() % 4 == 0;
  round.clean_stop = random() % 6 == 0;
  round.toml = configuration(random, round.expired || random() % 8 == 0);
  round.seed = random();
  choose_way(round);
  return round;
}

}  // namespace

std::string Round::name() const {
  if (!kill_point.empty()) return kill_point;
  return "after " + std::to_string(moment_micros / 1000) + " ms";
}

std::uint64_t worlds_to_pass_all() {
  return (places_passed().size() + named_per_world - 1) / named_per_world;
}

std::vector<Round> rounds_of(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::uint64_t cycle = seed / worlds_to_pass_all();
  const std::size_t first = seed % worlds_to_pass_all() * named_per_world;
  const std::vector<std::string> places = shuffled_places(cycle);
  std::vector<Round> rounds;
  for (std::size_t i = first; i < std::min(first + named_per_world, places.size()); ++i)
    rounds.push_back(make_round(random, places[i]));
  for (std::size_t i = 0; i < moments_per_world; ++i) rounds.push_back(make_round(random, ""));
  for (std::size_t i = rounds.size(); i > 1; --i) std::swap(rounds[i - 1], rounds[random() % i]);
  return rounds;
}

}  // namespace restored::crash_test
