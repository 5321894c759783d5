// The agent's own durable records: databases, credentials, tokens, operations, requests. Typed,
// cached in memory (but the audit), each change synced before it is acknowledged. Only hashes of
// secrets are stored, and no restore touches any of it. Threading: all methods may be called from
// any thread at once.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/record_store.h"
#include "registry/usage_store.h"
#include "restored/engine.h"
#include "restored/error.h"
#include "restored/requests.h"

namespace restored::registry {

// What the registry knows of a database; what is live is the catalog's fact.
struct DatabaseRecord {
  DatabaseId id;
  std::string name;
  std::string project_id;
  std::string region;
  bool is_default = false;
  DatabaseStatus status = DatabaseStatus::provisioning;  // provisioning, ready or failure
  std::optional<Error> failure;
  UnixMillis created_at = 0;
  std::string logical_id = {};  // empty: none
  DatabaseSource source = {};   // what it was made from; what is live is another matter
  // Chosen for it; nothing: the agent's configuration counts.
  std::optional<bool> daily_backup = {};
  // Runs that were due by then are done with; nothing: by its creation.
  std::optional<UnixMillis> schedule_settled = {};
};

// An operation as it is stored: enough to continue it after a crash, and to show it for 30 days.
struct OperationRecord {
  OperationView view;
  std::string backup_name;    // of a backup operation
  bool cancel_asked = false;  // and accepted: no restart continues it
  bool hold = false;          // a restore that stops before its swap
  bool committed = false;     // and accepted: nothing stops it there
};

class Registry {
 public:
  static Result<std::unique_ptr<Registry>> open(
      const std::string& directory, std::shared_ptr<const catalog::Disk> disk = nullptr);
  virtual ~Registry() = default;
  virtual Result<void> close() = 0;

  virtual std::vector<DatabaseRecord> databases() const = 0;  // by creation
  virtual std::optional<DatabaseRecord> database(const DatabaseId& id) const = 0;
  virtual Result<void> put_database(const DatabaseRecord& record) = 0;
  // The one default database of its project from then on, in one write. Errors: database_not_found.
  virtual Result<void> choose_default(const DatabaseId& id) = 0;
  // With its connections and its days, in one write.
  virtual Result<void> remove_database(const DatabaseId& id) = 0;

  virtual Result<NewConnection> create_connection(const DatabaseId& id, std::string name,
                                                  const Intent& intent = {}) = 0;
  virtual std::vector<ConnectionInfo> connections(const DatabaseId& id) const = 0;
  virtual std::optional<ConnectionInfo> connection(const ConnectionId& id) const = 0;
  virtual Result<NewConnection> rotate_connection(const ConnectionId& id,
                                                  const Intent& intent = {}) = 0;
  virtual Result<void> remove_connection(const ConnectionId& id) = 0;
  virtual std::optional<Credential> authenticate(std::string_view user,
                                                 std::string_view password) const = 0;

  // `keep`, if there is one, gets the secret before the token exists; its error is returned, and
  // there is no token then.
  virtual Result<NewToken> create_token(std::string name, Scopes scopes,
                                        const Engine::KeepSecret& keep = {},
                                        const Intent& intent = {}) = 0;
  virtual std::vector<TokenInfo> tokens() const = 0;
  virtual Result<void> revoke_token(const TokenId& id) = 0;
  virtual std::optional<TokenInfo> token(std::string_view secret) const = 0;
  // True once, on a registry that never had a token.
  virtual bool never_had_a_token() const = 0;

  virtual RequestRecords& requests() = 0;
  virtual UsageStore& usage() = 0;

  virtual Result<void> put_operation(const OperationRecord& record) = 0;
  virtual std::vector<OperationRecord> operations() const = 0;  // newest first
  // Ended ones only.
  virtual Result<void> remove_operations_before(UnixMillis time,
                                                const std::set<OperationId>& kept) = 0;
};

}  // namespace restored::registry
