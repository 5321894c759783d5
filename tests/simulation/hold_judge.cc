#include "hold_judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "restored/error.h"

namespace restored::simulation {
namespace {

bool ended_with(const Event& event, ErrorCode code) {
  return event.told == Told::failed && event.code == static_cast<std::uint32_t>(code);
}

// What was asked of one operation.
std::vector<const Event*> asked(const Ledger& ledger, Act act, const Event& of) {
  std::vector<const Event*> found;
  for (const Event& event : ledger.events())
    if (event.act == act && event.operation == of.operation) found.push_back(&event);
  return found;
}

bool refused(const Event* commit) {
  return ended_with(*commit, ErrorCode::operation_ended) ||
         ended_with(*commit, ErrorCode::operation_not_held);
}

class Judge {
 public:
  Judge(const Ledger& ledger, std::vector<std::string>& problems)
      : ledger_(ledger), problems_(problems) {}

  void judge() {
    for (const Event& event : ledger_.events()) {
      const bool an_operation = event.act == Act::backup || event.act == Act::restore ||
                                event.act == Act::undo || event.act == Act::verify ||
                                event.act == Act::create;
      if (!an_operation || text(event.operation).empty()) continue;
      if (event.told == Told::cancelled && asked(ledger_, Act::cancel, event).empty())
        tell(event, "was cancelled by nobody");
      if (event.act == Act::restore && event.holds) judge_hold(event);
    }
  }

 private:
  void judge_hold(const Event& restore) {
    const std::vector<const Event*> commits = asked(ledger_, Act::commit, restore);
    const auto begun = [&](const Event* commit) { return commit->begin <= restore.end; };
    if (restore.told == Told::done && std::ranges::none_of(commits, begun))
      tell(restore, "swapped before anybody committed it");
    if (restore.told == Told::done && !commits.empty() && std::ranges::all_of(commits, refused))
      tell(restore, "swapped although every commit of it was refused");
    const auto accepted = [](const Event* commit) { return commit->told == Told::done; };
    if (expired(restore) && std::ranges::any_of(commits, accepted))
      tell(restore, "was too late, after its commit had been accepted");
    // Its end is a time of the wall clock, as it is set then.
    const auto is_set = [&](const Event& event) {
      return event.act == Act::set && event.begin <= restore.end && event.end >= restore.begin;
    };
    if (std::ranges::any_of(ledger_.events(), is_set)) return;
    if (expired(restore) && restore.end - restore.begin < ledger_.hold_nanos)
      tell(restore, "did not hold for as long as it may");
  }

  void tell(const Event& event, const char* what) {
    problems_.push_back(
        fmt::format("operation {} of database {} {}", text(event.operation), event.database, what));
  }

  const Ledger& ledger_;
  std::vector<std::string>& problems_;
};

}  // namespace

bool expired(const Event& event) {
  return event.act == Act::restore && ended_with(event, ErrorCode::stage_expired);
}

std::vector<std::string> judge_holds(const Ledger& ledger) {
  std::vector<std::string> problems;
  Judge(ledger, problems).judge();
  return problems;
}

}  // namespace restored::simulation
