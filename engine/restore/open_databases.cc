#include "restore/open_databases.h"

#include <fmt/format.h>

#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace restored::restore {

// Where instances go when their last holder has let go.
struct OpenDatabases::Removed {
  Mutex mutex;
  std::vector<std::pair<DatabaseId, std::unique_ptr<catalog::Database>>> instances
      GUARDED_BY(mutex);
};

// Only passes the instance on: closing blocks, and the last holder may be a thread that serves
// clients.
struct OpenDatabases::Handover {
  DatabaseId id;
  std::shared_ptr<Removed> removed;
  std::unique_ptr<catalog::Database>* withdrawn = nullptr;

  void operator()(catalog::Database* last) const {
    if (withdrawn != nullptr) {
      withdrawn->reset(last);
      return;
    }
    const MutexLock lock(removed->mutex);
    removed->instances.emplace_back(id, last);
  }
};

Claim::Claim(Claim&& other) noexcept
    : table_(std::exchange(other.table_, nullptr)),
      id_(std::move(other.id_)),
      database_(std::move(other.database_)) {}

Claim& Claim::operator=(Claim&& other) noexcept {
  if (this != &other) {
    release();
    table_ = std::exchange(other.table_, nullptr);
    id_ = std::move(other.id_);
    database_ = std::move(other.database_);
  }
  return *this;
}

void Claim::release() noexcept {
  database_.reset();
  if (table_ != nullptr) std::exchange(table_, nullptr)->give_back(id_);
}

std::shared_ptr<OpenDatabases::Removed> OpenDatabases::make_removed() {
  return std::make_shared<Removed>();
}

OpenDatabases::~OpenDatabases() = default;

OpenDatabases::Pointer OpenDatabases::share(const DatabaseId& id,
                                            std::unique_ptr<catalog::Database> database) {
  return {database.release(), Handover{id, removed_}};
}

void OpenDatabases::add(const DatabaseId& id, std::unique_ptr<catalog::Database> database) {
  Pointer shared = share(id, std::move(database));
  const MutexLock lock(mutex_);
  Entry entry;
  entry.database = std::move(shared);
  const bool added = entries_.emplace(id, std::move(entry)).second;
  RESTORED_CHECK(added, "a database is opened once");
}

void OpenDatabases::add_broken(const DatabaseId& id, Error error) {
  const MutexLock lock(mutex_);
  Entry entry;
  entry.broken = std::move(error);
  const bool added = entries_.emplace(id, std::move(entry)).second;
  RESTORED_CHECK(added, "a database is opened once");
}

void OpenDatabases::add_withheld(const DatabaseId& id, std::unique_ptr<catalog::Database> database,
                                 Error error) {
  Pointer shared = share(id, std::move(database));
  const MutexLock lock(mutex_);
  Entry entry;
  entry.database = std::move(shared);
  entry.broken = std::move(error);
  const bool added = entries_.emplace(id, std::move(entry)).second;
  RESTORED_CHECK(added, "a database is opened once");
}

void OpenDatabases::replace(Claim& claim, std::unique_ptr<catalog::Database> database) {
  RESTORED_CHECK(!claim.usable(), "an instance that is open is never replaced");
  Pointer shared = share(claim.id(), std::move(database));
  claim.database_ = shared;
  const MutexLock lock(mutex_);
  entries_.at(claim.id()).database = std::move(shared);
}

void OpenDatabases::withhold(const Claim& claim, Error error) {
  const MutexLock lock(mutex_);
  entries_.at(claim.id()).broken = std::move(error);
}

void OpenDatabases::publish(const DatabaseId& id) {
  const MutexLock lock(mutex_);
  Entry& entry = entries_.at(id);
  RESTORED_CHECK(entry.database != nullptr, "what is published is open");
  entry.broken.reset();
}

std::unique_ptr<catalog::Database> OpenDatabases::withdraw(Claim& claim) {
  claim.database_.reset();
  Pointer last;
  {
    const MutexLock lock(mutex_);
    Entry& entry = entries_.at(claim.id());
    RESTORED_CHECK(entry.broken.has_value(), "only what nobody gets is withdrawn");
    last = std::move(entry.database);
  }
  std::unique_ptr<catalog::Database> withdrawn;
  if (!last) return withdrawn;
  RESTORED_CHECK(last.use_count() == 1, "a withheld instance has no holder but the claim's");
  std::get_deleter<Handover>(last)->withdrawn = &withdrawn;
  last.reset();
  return withdrawn;
}

OpenDatabases::Pointer OpenDatabases::find(const DatabaseId& id) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.broken) return nullptr;
  return found->second.database;
}

OpenDatabases::Pointer OpenDatabases::instance(const DatabaseId& id) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second.database;
}

std::optional<Error> OpenDatabases::broken(const DatabaseId& id) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? std::nullopt : found->second.broken;
}

std::optional<Working> OpenDatabases::working(const DatabaseId& id) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? std::nullopt : found->second.working;
}

std::vector<DatabaseId> OpenDatabases::ids() const {
  std::vector<DatabaseId> all;
  const MutexLock lock(mutex_);
  for (const auto& [id, entry] : entries_) all.push_back(id);
  return all;
}

Error busy_error(const DatabaseId& id, OperationKind wanted, const Working& working) {
  const bool either_is_backup =
      wanted == OperationKind::backup || working.kind == OperationKind::backup;
  return {either_is_backup ? ErrorCode::database_busy : ErrorCode::database_recovering,
          fmt::format("operation {} ({}) works on database {}", working.operation.value,
                      name(working.kind), id.value),
          {}};
}

Result<Claim> OpenDatabases::claim(const DatabaseId& id, const OperationId& operation,
                                   OperationKind kind) {
  return acquire(id, Working{operation, kind},
                 [&](const Working& working) { return busy_error(id, kind, working); });
}

Result<Claim> OpenDatabases::claim_for_removal(const DatabaseId& id) {
  return acquire(id, std::nullopt, [&](const Working& working) {
    return busy_error(id, OperationKind::backup, working);
  });
}

Result<Claim> OpenDatabases::acquire(const DatabaseId& id, std::optional<Working> working,
                                     const std::function<Error(const Working&)>& busy) {
  const MutexLock lock(mutex_);
  while (true) {
    const auto found = entries_.find(id);
    if (found == entries_.end()) {
      return fail(ErrorCode::database_not_found,
                  fmt::format("database {} does not exist", id.value));
    }
    Entry& entry = found->second;
    if (!entry.claimed) {
      entry.claimed = true;
      entry.working = std::move(working);
      return Claim(this, id, entry.database);
    }
    if (entry.working) return std::unexpected(busy(*entry.working));
    released_.wait(mutex_);
  }
}

std::optional<Claim> OpenDatabases::try_claim(const DatabaseId& id) {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.claimed || found->second.broken ||
      !found->second.database) {
    return std::nullopt;
  }
  found->second.claimed = true;
  return Claim(this, id, found->second.database);
}

void OpenDatabases::give_back(const DatabaseId& id) noexcept {
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;  // removed
    found->second.claimed = false;
    found->second.working.reset();
  }
  released_.notify_all();
}

void OpenDatabases::remove(Claim claim) {
  Pointer last;
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(claim.id());
    RESTORED_CHECK(found != entries_.end(), "a claimed database is in the table");
    last = std::move(found->second.database);
    entries_.erase(found);
  }
  released_.notify_all();
}

std::vector<std::pair<DatabaseId, std::unique_ptr<catalog::Database>>>
OpenDatabases::collect_removed() {
  const MutexLock lock(removed_->mutex);
  return std::exchange(removed_->instances, {});
}

Result<void> OpenDatabases::close() {
  std::unordered_map<DatabaseId, Entry> entries;
  {
    const MutexLock lock(mutex_);
    entries.swap(entries_);
  }
  Result<void> outcome;
  for (auto& [id, entry] : entries) {
    RESTORED_CHECK(!entry.claimed, "operations end before their databases close");
    if (!entry.database) continue;
    if (Result<void> closed = entry.database->close(); !closed) {
      log::error("restore", "closing database={}: {}", id.value, closed.error().message);
      if (outcome) outcome = std::move(closed);
    }
  }
  return outcome;
}

}  // namespace restored::restore
