#include "registry/registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "registry/durable_registry.h"

namespace restored::registry {
namespace {

std::string key(std::string_view prefix, const std::string& id) {
  return fmt::format("{}{}", prefix, id);
}

bool has_ended(const OperationRecord& record) {
  return record.view.ended_at.has_value();
}

// Of an operation that has ended nothing depends but what people see of it.
bool may_skip(std::string_view key, std::string_view text, const Error& error) {
  return key.starts_with(operation_prefix) && error.code == ErrorCode::corruption &&
         is_ended_operation(key, text);
}

}  // namespace

template <class Decode, class Keep>
Result<void> DurableRegistry::load_family(std::string_view prefix, Decode decode, Keep keep) {
  Result<void> outcome;
  const auto visit = [&](std::string_view record_key, std::string_view text) {
    auto stored = decode(record_key, text);
    if (!stored && may_skip(record_key, text, stored.error())) {
      log::warning("registry", "an ended operation is not shown: {}", stored.error().message);
    } else if (!stored) {
      outcome = std::unexpected(std::move(stored).error());
    } else {
      keep(std::move(*stored));
    }
    return outcome.has_value();
  };
  RESTORED_TRY(store_->scan(prefix, visit));
  return outcome;
}

Result<void> DurableRegistry::load() {
  RESTORED_TRY(requests_.load());
  Records loaded;
  const auto counted = [&](auto& stored) -> auto& {
    loaded.next_order = std::max(loaded.next_order, stored.order + 1);
    return stored;
  };
  RESTORED_TRY(const std::optional<std::string> facts, store_->get(facts_key));
  if (facts) {
    RESTORED_TRY(loaded.facts, decode_facts(facts_key, *facts));
  }
  RESTORED_TRY(load_family(database_prefix, decode_database, [&](StoredDatabase stored) {
    loaded.databases[stored.record.id.value] = std::move(counted(stored));
  }));
  RESTORED_TRY(load_family(connection_prefix, decode_connection, [&](StoredConnection stored) {
    loaded.put(std::move(counted(stored)));
  }));
  RESTORED_TRY(load_family(token_prefix, decode_token,
                           [&](StoredToken stored) { loaded.put(std::move(counted(stored))); }));
  RESTORED_TRY(load_family(operation_prefix, decode_operation, [&](StoredOperation stored) {
    loaded.operations[stored.record.view.id.value] = std::move(counted(stored));
  }));
  RESTORED_TRY(
      usage_.load([&](const DatabaseId& id) { return loaded.databases.contains(id.value); }));
  const ExclusiveLock lock(mutex_);
  records_ = std::move(loaded);
  return {};
}

Result<void> DurableRegistry::close() {
  return store_->close();
}

// Databases.

std::vector<DatabaseRecord> DurableRegistry::databases() const {
  const SharedLock lock(mutex_);
  return in_order(records_.databases, all, [](const auto& stored) { return stored.record; });
}

std::optional<DatabaseRecord> DurableRegistry::database(const DatabaseId& id) const {
  const SharedLock lock(mutex_);
  const auto found = records_.databases.find(id.value);
  if (found == records_.databases.end()) return std::nullopt;
  return found->second.record;
}

Result<void> DurableRegistry::put_database(const DatabaseRecord& record) {
  const MutexLock change(changing_);
  StoredDatabase stored{record, 0};
  {
    const SharedLock lock(mutex_);
    const auto found = records_.databases.find(record.id.value);
    stored.order = found == records_.databases.end() ? records_.next_order : found->second.order;
  }
  WriteSet changes;
  changes.put(key(database_prefix, record.id.value), encode(stored));
  RESTORED_TRY(store_->write(changes));
  const ExclusiveLock lock(mutex_);
  records_.next_order = std::max(records_.next_order, stored.order + 1);
  records_.databases.insert_or_assign(record.id.value, std::move(stored));
  return {};
}

Result<void> DurableRegistry::choose_default(const DatabaseId& id) {
  const MutexLock change(changing_);
  std::vector<StoredDatabase> changed;
  {
    const SharedLock lock(mutex_);
    const auto chosen = records_.databases.find(id.value);
    if (chosen == records_.databases.end()) {
      return fail(ErrorCode::database_not_found,
                  fmt::format("database {} does not exist", id.value));
    }
    const std::string& project = chosen->second.record.project_id;
    for (const auto& [name, stored] : records_.databases) {
      const bool is_default = name == id.value;
      if (stored.record.project_id != project || stored.record.is_default == is_default) continue;
      changed.push_back(stored);
      changed.back().record.is_default = is_default;
    }
  }
  if (changed.empty()) return {};
  WriteSet changes;
  for (const StoredDatabase& stored : changed) {
    changes.put(key(database_prefix, stored.record.id.value), encode(stored));
  }
  RESTORED_TRY(store_->write(changes));
  const ExclusiveLock lock(mutex_);
  for (StoredDatabase& stored : changed) {
    std::string name = stored.record.id.value;
    records_.databases.insert_or_assign(std::move(name), std::move(stored));
  }
  return {};
}

Result<void> DurableRegistry::remove_database(const DatabaseId& id) {
  const MutexLock change(changing_);
  const std::vector<ConnectionInfo> owned = connections(id);
  WriteSet changes;
  changes.erase(key(database_prefix, id.value));
  for (const ConnectionInfo& info : owned) changes.erase(key(connection_prefix, info.id.value));
  usage_.erase_into(id, changes);
  RESTORED_TRY(store_->write(changes));
  usage_.forget(id);
  const ExclusiveLock lock(mutex_);
  records_.databases.erase(id.value);
  for (const ConnectionInfo& info : owned) records_.remove_connection(info.id.value);
  return {};
}

// Connections.

Result<NewConnection> DurableRegistry::create_connection(const DatabaseId& id, std::string name,
                                                         const Intent& intent) {
  const MutexLock change(changing_);
  NewConnection made{
      {intent.id<ConnectionTag>("connection"), id, std::move(name), system_clock().wall()},
      intent.secret("password")};
  StoredConnection stored{made.info, digest_of(made.password), 0};
  {
    const SharedLock lock(mutex_);
    const auto found = records_.connections.find(made.info.id.value);
    if (found != records_.connections.end()) {
      made.info = found->second.info;
      return made;
    }
    if (!records_.databases.contains(id.value)) {
      return fail(ErrorCode::database_not_found,
                  fmt::format("database {} does not exist", id.value));
    }
    stored.order = records_.next_order;
  }
  WriteSet changes;
  changes.put(key(connection_prefix, stored.info.id.value), encode(stored));
  RESTORED_TRY(store_->write(changes));
  const ExclusiveLock lock(mutex_);
  records_.next_order = stored.order + 1;
  records_.put(std::move(stored));
  return made;
}

std::vector<ConnectionInfo> DurableRegistry::connections(const DatabaseId& id) const {
  const SharedLock lock(mutex_);
  return in_order(
      records_.connections, [&](const auto& stored) { return stored.info.database == id; },
      [](const auto& stored) { return stored.info; });
}

std::optional<ConnectionInfo> DurableRegistry::connection(const ConnectionId& id) const {
  const SharedLock lock(mutex_);
  const auto found = records_.connections.find(id.value);
  if (found == records_.connections.end()) return std::nullopt;
  return found->second.info;
}

Result<NewConnection> DurableRegistry::rotate_connection(const ConnectionId& id,
                                                         const Intent& intent) {
  const MutexLock change(changing_);
  StoredConnection stored;
  {
    const SharedLock lock(mutex_);
    const auto found = records_.connections.find(id.value);
    if (found == records_.connections.end()) {
      return fail(ErrorCode::connection_not_found,
                  fmt::format("connection {} does not exist", id.value));
    }
    stored = found->second;
  }
  NewConnection made{stored.info, intent.secret("password")};
  stored.password = digest_of(made.password);
  WriteSet changes;
  changes.put(key(connection_prefix, id.value), encode(stored));
  RESTORED_TRY(store_->write(changes));
  const ExclusiveLock lock(mutex_);
  records_.remove_connection(id.value);
  records_.put(std::move(stored));
  return made;
}

Result<void> DurableRegistry::remove_connection(const ConnectionId& id) {
  const MutexLock change(changing_);
  if (!connection(id)) {
    return fail(ErrorCode::connection_not_found,
                fmt::format("connection {} does not exist", id.value));
  }
  WriteSet changes;
  changes.erase(key(connection_prefix, id.value));
  RESTORED_TRY(store_->write(changes));
  const ExclusiveLock lock(mutex_);
  records_.remove_connection(id.value);
  return {};
}

std::optional<Credential> DurableRegistry::authenticate(std::string_view user,
                                                        std::string_view password) const {
  const Digest digest = digest_of(password);
  const SharedLock lock(mutex_);
  const std::string* owner = records_.passwords.owner(digest);
  if (owner == nullptr) return std::nullopt;
  const auto found = records_.connections.find(*owner);
  RESTORED_CHECK(found != records_.connections.end(), "an indexed password has a connection");
  if (user.starts_with("con_")) user.remove_prefix(4);
  if (!user.empty() && user != "default" && user != *owner) return std::nullopt;
  return Credential{found->second.info.id, found->second.info.database};
}

// Tokens.

Result<NewToken> DurableRegistry::create_token(std::string name, Scopes scopes,
                                               const Engine::KeepSecret& keep,
                                               const Intent& intent) {
  NewToken made{{intent.id<TokenTag>("token"), std::move(name), scopes, system_clock().wall()},
                intent.secret("token")};
  if (keep) RESTORED_TRY(keep(made.secret));
  const MutexLock change(changing_);
  StoredToken stored{made.info, digest_of(made.secret), 0};
  {
    const SharedLock lock(mutex_);
    const auto found = records_.tokens.find(made.info.id.value);
    if (found != records_.tokens.end()) {
      made.info = found->second.info;
      return made;
    }
    stored.order = records_.next_order;
  }
  WriteSet changes;
  changes.put(key(token_prefix, stored.info.id.value), encode(stored));
  changes.put(std::string(facts_key), encode(RegistryFacts{.had_a_token = true}));
  RESTORED_TRY(store_->write(changes));
  const ExclusiveLock lock(mutex_);
  records_.next_order = stored.order + 1;
  records_.facts.had_a_token = true;
  records_.put(std::move(stored));
  return made;
}

std::vector<TokenInfo> DurableRegistry::tokens() const {
  const SharedLock lock(mutex_);
  return in_order(records_.tokens, all, [](const auto& stored) { return stored.info; });
}

Result<void> DurableRegistry::revoke_token(const TokenId& id) {
  const MutexLock change(changing_);
  {
    const SharedLock lock(mutex_);
    if (!records_.tokens.contains(id.value)) {
      return fail(ErrorCode::token_not_found, fmt::format("token {} does not exist", id.value));
    }
  }
  WriteSet changes;
  changes.erase(key(token_prefix, id.value));
  RESTORED_TRY(store_->write(changes));
  const ExclusiveLock lock(mutex_);
  const auto found = records_.tokens.find(id.value);
  records_.token_secrets.remove(found->second.secret);
  records_.tokens.erase(found);
  return {};
}

std::optional<TokenInfo> DurableRegistry::token(std::string_view secret) const {
  const Digest digest = digest_of(secret);
  const SharedLock lock(mutex_);
  const std::string* owner = records_.token_secrets.owner(digest);
  if (owner == nullptr) return std::nullopt;
  const auto found = records_.tokens.find(*owner);
  RESTORED_CHECK(found != records_.tokens.end(), "an indexed secret has a token");
  return found->second.info;
}

bool DurableRegistry::never_had_a_token() const {
  const SharedLock lock(mutex_);
  return !records_.facts.had_a_token;
}

// Operations.

Result<void> DurableRegistry::put_operation(const OperationRecord& record) {
  const MutexLock change(changing_);
  const std::string& id = record.view.id.value;
  StoredOperation stored{record, 0};
  bool ended_before = false;
  {
    const SharedLock lock(mutex_);
    const auto found = records_.operations.find(id);
    const bool known = found != records_.operations.end();
    stored.order = known ? found->second.order : records_.next_order;
    // One that had failed may turn out to have succeeded: that is another end.
    ended_before = known && has_ended(found->second.record) &&
                   found->second.record.view.state == record.view.state;
  }
  WriteSet changes;
  changes.put(key(operation_prefix, id), encode(stored));
  if (has_ended(record) && !ended_before) {
    RESTORED_TRY(requests_.record_with(audit_entry(record.view), std::move(changes)));
  } else {
    RESTORED_TRY(store_->write(changes));
  }
  const ExclusiveLock lock(mutex_);
  records_.next_order = std::max(records_.next_order, stored.order + 1);
  records_.operations.insert_or_assign(id, std::move(stored));
  return {};
}

std::vector<OperationRecord> DurableRegistry::operations() const {
  const SharedLock lock(mutex_);
  std::vector<OperationRecord> records =
      in_order(records_.operations, all, [](const auto& stored) { return stored.record; });
  std::reverse(records.begin(), records.end());
  return records;
}

Result<void> DurableRegistry::remove_operations_before(UnixMillis time,
                                                       const std::set<OperationId>& kept) {
  const MutexLock change(changing_);
  std::vector<std::string> old;
  {
    const SharedLock lock(mutex_);
    for (const auto& [id, stored] : records_.operations) {
      const std::optional<UnixMillis>& ended = stored.record.view.ended_at;
      if (ended && *ended < time && !kept.contains(OperationId(id))) old.push_back(id);
    }
  }
  if (old.empty()) return {};
  WriteSet changes;
  for (const std::string& id : old) changes.erase(key(operation_prefix, id));
  RESTORED_TRY(store_->write(changes));
  const ExclusiveLock lock(mutex_);
  for (const std::string& id : old) records_.operations.erase(id);
  return {};
}

Result<std::unique_ptr<Registry>> Registry::open(const std::string& directory,
                                                 std::shared_ptr<const catalog::Disk> disk) {
  RESTORED_TRY(std::unique_ptr<catalog::RecordStore> store,
               catalog::RecordStore::open(directory, std::move(disk)));
  auto registry = std::make_unique<DurableRegistry>(std::move(store));
  RESTORED_TRY(registry->load());
  return registry;
}

}  // namespace restored::registry
