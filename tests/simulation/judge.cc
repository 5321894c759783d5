#include "judge.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <map>
#include <utility>

#include "database_judge.h"

namespace restored::simulation {
namespace {

constexpr std::int64_t for_ever = std::numeric_limits<std::int64_t>::max();

// A backup holds one content that its database had while it was made, always the same.
class BackupJudge {
 public:
  BackupJudge(const Ledger& ledger, const std::vector<DatabaseJudge>& databases,
              std::vector<std::string>& problems)
      : ledger_(ledger), databases_(databases), problems_(problems) {}

  void judge() {
    for (const Event& event : ledger_.events()) {
      const bool brings = event.act == Act::restore || event.act == Act::create;
      if (!brings || event.told != Told::done) continue;
      const auto began_with = databases_[event.database].began_with(event);
      if (!began_with) continue;
      if (event.act == Act::create && judge_creation(event, *began_with)) continue;
      const std::string backup(text(event.backup));
      const auto [known, added] = contents_.emplace(backup, *began_with);
      if (known->second != *began_with)
        problems_.push_back(fmt::format("backup {} was restored as {} and as {}", backup,
                                        known->second, *began_with));
      if (added) judge_moment(backup, *began_with);
    }
  }

 private:
  // False: it is from a backup, as a restore is.
  bool judge_creation(const Event& event, std::uint64_t tag) {
    if (event.clones) {
      const Span during{event.begin, event.end};
      if (!databases_[event.source].was_live(tag, during))
        problems_.push_back(
            fmt::format("database {} is a clone of {} and began with {}, which was "
                        "not there from {} to {}",
                        event.database, event.source, tag, during.begin, during.end));
      return true;
    }
    if (!text(event.backup).empty()) return false;
    if (tag != 0)
      problems_.push_back(
          fmt::format("database {} was made empty and began with {}", event.database, tag));
    return true;
  }

  void judge_moment(const std::string& backup, std::uint64_t tag) {
    for (const Event& event : ledger_.events()) {
      if (event.act != Act::backup || text(event.backup) != backup) continue;
      const Span during{event.begin, event.end == 0 ? for_ever : event.end};
      if (!databases_[event.database].was_live(tag, during))
        problems_.push_back(
            fmt::format("backup {} of database {} holds {}, which was not there "
                        "while it was made, from {} to {}",
                        backup, event.database, tag, during.begin, during.end));
      return;
    }
  }

  const Ledger& ledger_;
  const std::vector<DatabaseJudge>& databases_;
  std::vector<std::string>& problems_;
  std::map<std::string, std::uint64_t> contents_;
};

void judge_removals(const Ledger& ledger, std::vector<std::string>& problems) {
  for (const Event& event : ledger.events()) {
    if (event.act != Act::drop || event.told != Told::done) continue;
    for (const Event& later : ledger.events()) {
      const bool served = later.act == Act::read || later.act == Act::write;
      if (later.database == event.database && served && later.begin > event.end)
        problems.push_back(fmt::format("database {} was served at {}, after its removal",
                                       event.database, later.begin));
    }
  }
}

}  // namespace

std::vector<std::string> judge(const Ledger& ledger) {
  std::vector<std::string> problems;
  std::vector<DatabaseJudge> databases;
  for (std::size_t i = 0; i < ledger.databases; ++i) {
    databases.emplace_back(ledger, i, problems);
    databases.back().judge();
  }
  BackupJudge(ledger, databases, problems).judge();
  judge_removals(ledger, problems);
  return problems;
}

}  // namespace restored::simulation
