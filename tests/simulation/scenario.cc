#include "scenario.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

#include "base/log.h"
#include "child.h"
#include "clients.h"
#include "hold_judge.h"
#include "host.h"
#include "inspection.h"
#include "judge.h"
#include "kernel.h"
#include "ledger.h"
#include "plan.h"

namespace restored::simulation {
namespace {

// Real time for one life: far more than one takes on any machine.
constexpr std::chrono::seconds life_time_max(300);

Ledger& ledger() {
  return Ledger::shared();
}

// What a life hands over.
struct Report {
  std::uint64_t trace = 0;
  std::uint64_t steps = 0;
  std::vector<std::string> problems;
  Disks disks;
};

void put(std::string& into, std::string_view part) {
  const std::uint64_t size = part.size();
  into.append(reinterpret_cast<const char*>(&size), sizeof size);
  into.append(part);
}

std::string take(std::string_view& from) {
  std::uint64_t size = 0;
  std::memcpy(&size, from.data(), sizeof size);
  std::string part(from.substr(sizeof size, size));
  from.remove_prefix(sizeof size + size);
  return part;
}

std::string pack(const Report& report) {
  std::string text;
  put(text, std::to_string(report.trace));
  put(text, std::to_string(report.steps));
  put(text, std::to_string(report.problems.size()));
  for (const std::string& problem : report.problems) put(text, problem);
  put(text, report.disks.state);
  put(text, report.disks.repository);
  return text;
}

Report unpack(std::string_view text) {
  Report report;
  report.trace = std::stoull(take(text));
  report.steps = std::stoull(take(text));
  const std::uint64_t problems = std::stoull(take(text));
  for (std::uint64_t i = 0; i < problems; ++i) report.problems.push_back(take(text));
  report.disks.state = take(text);
  report.disks.repository = take(text);
  return report;
}

// In the child. Never destroyed: the life ends anywhere.
class Life {
 public:
  Life(const Plan& plan, const LifePlan& life, const Disks& disks)
      : plan_(plan), life_(life), host_(plan, life, disks), clients_(host_) {}

  [[noreturn]] void run(bool first) {
    if (first) make_databases();
    if (!first) host_.begin_faults();
    if (life_.ending != Ending::close) end_after(life_.end_after);
    if (!first && !open()) hand_over(Ending::close);
    if (first) host_.begin_faults();
    clients_.look_around();
    clients_.start();
    const std::jthread filler([this] {
      if (!life_.disk.gets_full) return;
      sleep_micros(random_below(30'000));
      host_.fill_disk(random_below(200'000));
    });
    // Closing while operations run is an end too: they go on in the next life.
    if (life_.end_after % 3 != 0) clients_.finish();
    if (life_.end_after % 3 == 0) {
      sleep_micros(random_below(50'000));
      clients_.stop();
      clients_.finish();
    }
    [[maybe_unused]] const Result<void> closed = host_.close();
    hand_over(Ending::close);
  }

  [[noreturn]] void inspect() {
    if (!open()) hand_over(Ending::close);
    clients_.look_around();
    for (std::string& problem : simulation::inspect(host_, clients_)) tell(std::move(problem));
    if (const Result<void> closed = host_.close(); !closed)
      tell("the engine does not close: " + closed.error().message);
    for (std::string& problem : left_over(host_)) tell(std::move(problem));
    for (std::string& problem : judge(ledger())) tell(std::move(problem));
    for (std::string& problem : judge_holds(ledger())) tell(std::move(problem));
    hand_over(Ending::close);
  }

  [[noreturn]] void hand_over(Ending ending) {
    if (running()) stand_still();
    std::fflush(nullptr);
    Event* cut = ledger().add(Act::cut, 0, now_nanos());
    if (cut != nullptr) {
      cut->power_lost = ending == Ending::power;
      cut->told = ending == Ending::close ? Told::done : Told::nothing;
    }
    ledger().now = now_nanos() + 1'000'000;
    ledger().disk_troubles += host_.state_disk().plan().failures();
    Report report{trace(), steps(), clients_.problems(), host_.leave(ending, life_.survival)};
    answer(pack(report));
  }

  void tell(std::string problem) { clients_.problems().push_back(std::move(problem)); }

 private:
  bool open() {
    const Result<void> opened = host_.open();
    if (opened) return true;
    // A repository that is a directory must be there at the start.
    const bool allowed = life_.disk.errors > 0 || life_.disk.gets_full || life_.store.gone > 0;
    if (!allowed) tell("the engine does not open: " + opened.error().message);
    return false;
  }

  void make_databases() {
    if (!open()) hand_over(Ending::close);
    for (std::size_t i = 0; i < plan_.databases; ++i) {
      clients_.make_first(i);
      clients_.read(i);
      clients_.write(i, true);
    }
  }

  const Plan& plan_;
  const LifePlan& life_;
  Host host_;
  Clients clients_;
};

Schedule schedule_of(const Plan& plan, std::size_t life, Life*& here) {
  Schedule schedule;
  schedule.seed = plan.seed * 1'000 + life;
  schedule.switches = plan.switches;
  schedule.leaps = plan.leaps;
  schedule.slow_threads = plan.slow_threads;
  schedule.start_nanos = ledger().now;
  if (const char* journal = std::getenv("RESTORED_JOURNAL"))
    schedule.journal = std::fopen(fmt::format("{}.{}", journal, life).c_str(), "w");
  schedule.hung = [&here](const std::string& report) {
    here->tell(report);
    here->hand_over(Ending::close);
  };
  if (life < plan.lives.size()) {
    const Ending ending = plan.lives[life].ending;
    schedule.ended = [&here, ending] { here->hand_over(ending); };
  }
  return schedule;
}

[[noreturn]] void live(const Plan& plan, std::size_t number, const Disks& disks) {
  static const LifePlan nothing_wrong;
  const bool last = number == plan.lives.size();
  Life* here = nullptr;
  begin(schedule_of(plan, number, here));
  set_wall_step(ledger().wall_step);
  here = new Life(plan, last ? nothing_wrong : plan.lives[number], disks);
  if (last) here->inspect();
  here->run(number == 0);
}

void count(Outcome& outcome) {
  for (const Event& event : ledger().events()) {
    if (event.act == Act::cut) continue;
    if (event.act == Act::backup || event.act == Act::restore || event.act == Act::undo ||
        event.act == Act::flush || event.act == Act::create)
      ++outcome.told[static_cast<std::size_t>(event.told)];
    outcome.committed += event.holds && event.told == Told::done ? 1 : 0;
    outcome.expired += expired(event) ? 1 : 0;
    const bool has_source = event.clones || !text(event.backup).empty();
    outcome.created += event.act == Act::create && has_source && event.told == Told::done ? 1 : 0;
    outcome.removed += event.act == Act::drop && event.told == Told::done ? 1 : 0;
  }
  outcome.store_troubles = ledger().store_troubles;
  outcome.disk_troubles = ledger().disk_troubles;
  outcome.virtual_seconds = static_cast<double>(ledger().now) / 1e9;
}

}  // namespace

Outcome run_seed(std::uint64_t seed, const Manner& manner) {
  Plan plan = plan_of(seed);
  plan.logs_are_not_synced = manner.logs_are_not_synced;
  Outcome outcome;
  outcome.plan = describe(plan);
  ledger().clear();
  ledger().hold_nanos = static_cast<std::int64_t>(plan.hold_seconds) * 1'000'000'000;
  Disks disks;
  for (std::size_t life = 0; life <= plan.lives.size(); ++life) {
    ledger().life = static_cast<std::uint8_t>(life);
    const auto work = [&] {
      if (manner.quiet && std::freopen("/dev/null", "w", stderr) == nullptr) std::abort();
      live(plan, life, disks);
    };
    const ChildEnd end = in_child(work, life_time_max);
    if (!end.answered) {
      outcome.problems.push_back(fmt::format("life {}: {}", life, end.how));
      break;
    }
    Report report = unpack(end.answer);
    outcome.trace = (outcome.trace ^ report.trace) * 0x100000001b3;
    outcome.steps += report.steps;
    for (const std::string& problem : report.problems)
      outcome.problems.push_back(fmt::format("life {}: {}", life, problem));
    if (!outcome.problems.empty()) break;
    disks = std::move(report.disks);
  }
  for (const Event& event : ledger().events()) {
    if (event.act != Act::cut) continue;
    outcome.power_losses += event.power_lost ? 1 : 0;
    outcome.kills += !event.power_lost && event.told == Told::nothing ? 1 : 0;
  }
  count(outcome);
  return outcome;
}

}  // namespace restored::simulation
