#include "restore/operation_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace restored::restore {

void OperationTable::load() {
  const std::vector<registry::OperationRecord> records = registry_.operations();
  for (const registry::OperationRecord& record : records | std::views::reverse) {
    if (record.view.state != OperationState::running) {
      add(record);
    } else {
      // Its place in the order; it comes in by resume() or end_cut_off().
      const MutexLock lock(mutex_);
      age_[record.view.id] = next_++;
    }
  }
}

OperationTable::Pointer OperationTable::add(registry::OperationRecord record) {
  auto operation = std::make_shared<Operation>(std::move(record), registry_, clock_);
  const MutexLock lock(mutex_);
  const auto known = age_.find(operation->id());
  const std::uint64_t age = known == age_.end() ? next_++ : known->second;
  age_[operation->id()] = age;
  by_age_[age] = operation;
  return operation;
}

Result<OperationTable::Pointer> OperationTable::begin(registry::OperationRecord record) {
  RESTORED_TRY(registry_.put_operation(record));
  return add(std::move(record));
}

Result<void> OperationTable::record_end(Operation& ended) {
  Result<void> recorded = ended.record_end();
  if (recorded) return {};
  return std::unexpected(
      context(fmt::format("the end of operation {} is not on record", ended.id().value),
              std::move(recorded).error()));
}

Result<void> OperationTable::record_backup_end(const BackupId& backup) {
  const Pointer made = backup_operation(backup);
  // One that runs has no end to record, but settles before it is seen to have ended.
  return made ? record_end(*made) : Result<void>();
}

Result<OperationTable::Pointer> OperationTable::create(registry::OperationRecord record) {
  for (const Pointer& ended : unrecorded()) {
    if (ended->view().database == record.view.database) RESTORED_TRY(record_end(*ended));
  }
  record.view.state = OperationState::running;
  record.view.created_at = record.view.updated_at = clock_.wall();
  return begin(std::move(record));
}

Result<OperationTable::Pointer> OperationTable::resume(registry::OperationRecord record) {
  ++record.view.attempts;
  // What was staged is not there any more: who waits for that must not believe it is.
  if (record.view.phase == Phase::staged) record.view.phase = Phase::validate;
  record.view.bytes_done = record.view.bytes_reused = 0;
  record.view.files_done = 0;
  record.view.eta_seconds.reset();
  record.view.bytes_per_second = 0;
  record.view.updated_at = clock_.wall();
  return begin(std::move(record));
}

Result<void> OperationTable::end_cut_off(registry::OperationRecord record,
                                         const Result<void>& outcome) {
  if (outcome) {
    record.view.bytes_done = record.view.bytes_total;
    record.view.files_done = record.view.files_total;
  }
  const Pointer operation = add(std::move(record));
  RESTORED_TRY(operation->settle(outcome));
  operation->announce();
  return {};
}

Result<void> OperationTable::end_as_marked(registry::OperationRecord record) {
  RESTORED_TRY(begin(std::move(record)));
  return {};
}

Result<OperationTable::Pointer> OperationTable::find(const OperationId& id) const {
  const MutexLock lock(mutex_);
  const auto found = age_.find(id);
  if (found == age_.end() || !by_age_.contains(found->second)) {
    return fail(ErrorCode::operation_not_found, fmt::format("operation {} is not known", id.value));
  }
  return by_age_.at(found->second);
}

template <class Wanted>
std::vector<OperationTable::Pointer> OperationTable::those(Wanted wanted) const {
  std::vector<Pointer> found;
  const MutexLock lock(mutex_);
  for (const auto& [age, operation] : by_age_) {
    if (wanted(*operation)) found.push_back(operation);
  }
  return found;
}

std::vector<OperationTable::Pointer> OperationTable::running() const {
  return those([](const Operation& operation) { return operation.running(); });
}

std::vector<OperationTable::Pointer> OperationTable::unrecorded() const {
  return those([](const Operation& operation) { return operation.unrecorded_end().has_value(); });
}

std::vector<OperationView> OperationTable::views() const {
  std::vector<Pointer> all;
  {
    const MutexLock lock(mutex_);
    for (const auto& [age, operation] : by_age_ | std::views::reverse) all.push_back(operation);
  }
  std::vector<OperationView> views;
  views.reserve(all.size());
  for (const Pointer& operation : all) views.push_back(operation->view());
  return views;
}

OperationTable::Pointer OperationTable::backup_operation(const BackupId& backup) const {
  const MutexLock lock(mutex_);
  for (const auto& [age, operation] : by_age_ | std::views::reverse) {
    const OperationView view = operation->view();
    if (view.kind == OperationKind::backup && view.backup == backup) return operation;
  }
  return nullptr;
}

std::vector<OperationTable::Pointer> OperationTable::backup_operations(
    const DatabaseId& database) const {
  std::vector<Pointer> found;
  const MutexLock lock(mutex_);
  for (const auto& [age, operation] : by_age_ | std::views::reverse) {
    const OperationView view = operation->view();
    if (view.kind == OperationKind::backup && view.database == database) found.push_back(operation);
  }
  return found;
}

void OperationTable::Telling::see(const Pointer& operation, OperationState state) {
  if (state != OperationState::succeeded && state != OperationState::failed) return;
  if (!newest) newest = operation;
  if (!complete && state == OperationState::succeeded) complete = operation;
}

OperationTable::Telling OperationTable::telling(const DatabaseId& database) const {
  Telling found;
  for (const Pointer& operation : backup_operations(database)) {
    found.see(operation, operation->view().state);
  }
  return found;
}

BackupHistory OperationTable::backup_history(const DatabaseId& database) const {
  const Telling found = telling(database);
  BackupHistory history;
  if (found.complete) history.completed_at = found.complete->view().ended_at;
  history.failed = found.newest && found.newest != found.complete;
  return history;
}

std::set<OperationId> OperationTable::telling_all() const {
  std::map<DatabaseId, Telling> of_databases;
  {
    const MutexLock lock(mutex_);
    for (const auto& [age, operation] : by_age_ | std::views::reverse) {
      const OperationView view = operation->view();
      if (view.kind == OperationKind::backup)
        of_databases[view.database].see(operation, view.state);
    }
  }
  std::set<OperationId> ids;
  for (const auto& [database, telling] : of_databases) {
    if (!telling.newest || !registry_.database(database)) continue;
    ids.insert(telling.newest->id());
    if (telling.complete) ids.insert(telling.complete->id());
  }
  return ids;
}

void OperationTable::sample_rates() {
  for (const Pointer& operation : running()) operation->sample_rate();
}

void OperationTable::end_overdue(std::uint64_t seconds_max) {
  for (const Pointer& operation : running()) operation->end_if_overdue(seconds_max);
}

std::optional<UnixMillis> OperationTable::end_of_last(std::size_t count) const {
  std::vector<UnixMillis> ends;
  {
    const MutexLock lock(mutex_);
    if (by_age_.size() <= count) return std::nullopt;
    for (const auto& [age, operation] : by_age_) {
      if (const auto ended = operation->view().ended_at) ends.push_back(*ended);
    }
  }
  if (ends.size() <= count) return std::nullopt;
  const auto first = ends.begin() + static_cast<std::ptrdiff_t>(ends.size() - count);
  std::ranges::nth_element(ends, first);
  return first == ends.end() ? std::nullopt : std::optional(*first);
}

Result<void> OperationTable::forget_old(UnixMillis time, std::size_t ended_max) {
  time = std::max(time, end_of_last(ended_max).value_or(time));
  const std::set<OperationId> kept = telling_all();
  RESTORED_TRY(registry_.remove_operations_before(time, kept));
  const MutexLock lock(mutex_);
  for (auto at = by_age_.begin(); at != by_age_.end();) {
    const OperationView view = at->second->view();
    if (view.ended_at && *view.ended_at < time && !kept.contains(view.id) &&
        !at->second->unrecorded_end()) {
      age_.erase(view.id);
      at = by_age_.erase(at);
    } else {
      ++at;
    }
  }
  return {};
}

}  // namespace restored::restore
