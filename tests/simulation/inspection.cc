#include "inspection.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "kernel.h"

namespace restored::simulation {
namespace {

Ledger& ledger() {
  return Ledger::shared();
}

std::optional<Told> told_of(OperationState state) {
  switch (state) {
    case OperationState::running:
      return std::nullopt;
    case OperationState::succeeded:
      return Told::done;
    case OperationState::failed:
      return Told::failed;
    case OperationState::cancelled:
      return Told::cancelled;
  }
  return std::nullopt;
}

// An end that neither the registry nor a mark took, on a full disk, is another one after a crash;
// but never one that tells more or less success.
bool same(std::optional<Told> now, Told then) {
  const bool both_ended = now && *now != Told::nothing;
  return now == then || (both_ended && *now != Told::done && then != Told::done);
}

void inspect_databases(Engine& engine, std::vector<std::string>& problems) {
  using Standing = Ledger::Standing;
  std::set<std::string> found;
  for (const DatabaseInfo& info : engine.databases()) {
    found.insert(info.id.value);
    std::optional<std::size_t> index;
    for (std::size_t i = 0; i < ledger().databases; ++i)
      if (text(ledger().ids[i]) == info.id.value) index = i;
    if (!index) {
      problems.push_back(fmt::format("nobody made database {}", info.id.value));
      continue;
    }
    const Standing standing = ledger().standing(*index);
    const bool ready = info.status == DatabaseStatus::ready;
    if (standing == Standing::there && !ready)
      problems.push_back(fmt::format("database {} is {}: {}", *index, name(info.status),
                                     info.failure ? info.failure->message : ""));
    // One that could not be made says why.
    if (standing == Standing::absent && info.status != DatabaseStatus::failure)
      problems.push_back(fmt::format("database {} was not made, or removed, and is {}", *index,
                                     name(info.status)));
    if (standing == Standing::absent && engine.keyspace(info.id))
      problems.push_back(fmt::format("database {} was not made and is served", *index));
  }
  for (std::size_t i = 0; i < ledger().databases; ++i) {
    if (ledger().standing(i) == Standing::there &&
        !found.contains(std::string(text(ledger().ids[i]))))
      problems.push_back(fmt::format("database {} is gone", i));
  }
  for (const Event& event : ledger().events()) {
    if (event.act == Act::drop && event.told == Told::done &&
        found.contains(std::string(text(ledger().ids[event.database]))))
      problems.push_back(fmt::format("database {} came back", event.database));
  }
}

void inspect_operations(Engine& engine, std::vector<std::string>& problems) {
  for (const OperationView& view : engine.operations()) {
    if (view.state == OperationState::running)
      problems.push_back(fmt::format("operation {} ({}) still runs: {}", view.id.value,
                                     name(view.kind), name(view.phase)));
  }
  for (const Event& event : ledger().events()) {
    if (text(event.operation).empty() || event.told == Told::nothing) continue;
    if (event.act == Act::cancel || event.act == Act::commit) continue;
    const Result<OperationView> view =
        engine.operation(OperationId{std::string(text(event.operation))});
    if (!view) {
      problems.push_back(fmt::format("operation {} is forgotten", text(event.operation)));
    } else if (!same(told_of(view->state), event.told)) {
      problems.push_back(fmt::format("operation {} was told to be something else than {}",
                                     text(event.operation), name(view->state)));
    }
  }
}

void inspect_passwords(Engine& engine, std::vector<std::string>& problems) {
  for (std::size_t i = 0; i < ledger().databases; ++i) {
    if (ledger().standing(i) != Ledger::Standing::there) continue;
    if (text(ledger().first_passwords[i]).empty()) continue;  // nobody was told it
    std::vector<std::string> old;
    std::string current(text(ledger().first_passwords[i]));
    bool known = true;
    for (const Event& event : ledger().events()) {
      if (event.act != Act::rotate || event.database != i) continue;
      if (event.told == Told::nothing) known = false;
      if (event.told != Told::done) continue;
      old.push_back(current);
      current = text(event.backup);
      known = true;
    }
    if (known) {
      const auto credential = engine.authenticate("", current);
      if (!credential || credential->database != database_id(i))
        problems.push_back(fmt::format("the password of database {} is refused", i));
    }
    for (const std::string& password : old) {
      if (engine.authenticate("", password))
        problems.push_back(fmt::format("an old password of database {} opens it", i));
    }
  }
}

// Every complete backup can be restored, before and after a collection.
void inspect_backups(Engine& engine, Clients& clients, std::vector<std::string>& problems) {
  std::vector<Name> backups = Clients::complete_backups();
  while (backups.size() > 2)
    backups.erase(backups.begin() + static_cast<std::ptrdiff_t>(random_below(backups.size())));
  for (const Name& backup : backups) {
    if (!clients.restore(0, backup))
      problems.push_back(fmt::format("backup {} cannot be restored: error {}", text(backup),
                                     ledger().events().back().code));
    clients.read(0);
    const Result<CollectionReport> report = engine.collect_repository(false, std::stop_token());
    if (!report && report.error().code != ErrorCode::collection_running)
      problems.push_back("a collection failed: " + report.error().message);
  }
}

// Nothing runs: what operations had reserved is free again.
void inspect_space(Host& host, std::vector<std::string>& problems) {
  const std::vector<Name> backups = Clients::complete_backups();
  const auto before = host.state_disk().space("/");
  if (backups.empty() || !before) return;
  const Result<RestorePreview> preview = host.engine().validate_restore(
      {database_id(0), {}, BackupId{std::string(text(backups.front()))}, "simulation"});
  const auto after = host.state_disk().space("/");
  if (!preview) {
    problems.push_back("a restore is not possible: " + preview.error().message);
  } else if (preview->free_bytes < std::min(before->first, after->first)) {
    problems.push_back(fmt::format("{} of {} free bytes are kept for nothing",
                                   after->first - preview->free_bytes, after->first));
  }
}

void walk(test::SimulatedDisk& disk, const std::string& directory,
          std::vector<std::string>& files) {
  const auto entries = disk.list(directory);
  if (!entries) return;
  for (const test::NodeFacts& entry : *entries) {
    const std::string path = directory + "/" + entry.name;
    if (entry.directory) walk(disk, path, files);
    if (!entry.directory) files.push_back(path);
  }
}

}  // namespace

std::vector<std::string> inspect(Host& host, Clients& clients) {
  std::vector<std::string> problems;
  Engine& engine = host.engine();
  inspect_databases(engine, problems);
  inspect_operations(engine, problems);
  inspect_passwords(engine, problems);
  if (!problems.empty()) return problems;
  inspect_space(host, problems);
  inspect_backups(engine, clients, problems);
  for (std::size_t database = 0; database < ledger().databases; ++database) {
    if (ledger().standing(database) != Ledger::Standing::there) continue;
    clients.write(database, true);
    if (!clients.read(database))
      problems.push_back(fmt::format("database {} cannot be read", database));
  }
  return problems;
}

std::vector<std::string> left_over(Host& host) {
  std::vector<std::string> problems;
  std::vector<std::string> files;
  walk(host.state_disk(), "/state", files);
  for (const std::string& path : files) {
    const bool ours = path.starts_with("/state/registry/") ||
                      path.starts_with("/state/databases/") || path == "/state/lock" ||
                      path == "/state/repository";
    if (!ours || path.ends_with(".tmp") || path.find("/staging/") != std::string::npos)
      problems.push_back("left over: " + path);
    if (!path.starts_with("/state/databases/")) continue;
    const std::string_view id = std::string_view(path).substr(17, path.find('/', 17) - 17);
    bool known = false;
    for (std::size_t i = 0; i < ledger().databases; ++i)
      known = known || text(ledger().ids[i]) == id;
    for (const Event& event : ledger().events())
      if (event.act == Act::drop && event.told == Told::done)
        known = known && text(ledger().ids[event.database]) != id;
    if (!known) problems.push_back("left over: " + path);
  }
  return problems;
}

}  // namespace restored::simulation
