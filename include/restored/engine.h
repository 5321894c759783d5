// The engine as the agent sees it: databases, credentials, backups, restores, operations.
//
// Threading: all methods may be called from any thread at once. All of them may block on the disk
// or the repository (but keyspace() and pins never on a restore), so serving threads hand them
// to a pool. Long work runs on the engine's own threads: start_* returns when it is accepted.
//
// What takes an Intent finds what the same intent has made before, also before a crash, and makes
// it otherwise: the same ids, the same secrets. One call at a time for each.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "restored/backup.h"
#include "restored/collection.h"
#include "restored/content_digest.h"
#include "restored/database.h"
#include "restored/encryption_options.h"
#include "restored/error.h"
#include "restored/hook_options.h"
#include "restored/ids.h"
#include "restored/intent.h"
#include "restored/keyspace.h"
#include "restored/limits.h"
#include "restored/object_store.h"
#include "restored/operation.h"
#include "restored/rekey.h"
#include "restored/requests.h"
#include "restored/schedule.h"
#include "restored/store_options.h"
#include "restored/token.h"

namespace restored {

struct EngineOptions {
  std::string state_directory;
  std::string repository_url;  // "file:///absolute/directory", "s3://bucket/prefix"
  StoreOptions store;
  EncryptionOptions encryption;
  BackupPolicy backups;
  HookOptions hooks;
  std::uint64_t memory_budget_bytes = limits::memory_budget_bytes_default;
  std::uint64_t block_cache_bytes = limits::block_cache_bytes_default;
  std::uint64_t space_reserve_bytes = limits::space_reserve_bytes_default;
  std::uint64_t undo_seconds = limits::undo_seconds_default;
  std::uint64_t hold_seconds =
      limits::hold_seconds_default;  // of a restore that waits for a commit
  // A deadline for each operation, from its acceptance or continuation on; 0: none, but for
  // backups.
  std::uint64_t operation_seconds_max = limits::operation_seconds_default;
  unsigned decode_threads = 0;  // 0: one a core
  int compression_level = 1;    // zstd, of backups
  bool io_uring = true;         // false: the pread/pwrite pool, for tests and odd kernels
  bool direct_io = true;
  bool verify_full = false;  // read every block of a staged generation before the swap
};

struct EngineFacts {
  std::string version;
  std::string rocksdb_version;
  std::string repository_url;
  std::optional<Error> repository_error;  // why it cannot be used, as far as known
  std::string encryption_key;             // id of the key for backups; empty: not encrypted
  bool io_uring = false;
  std::string io_note;  // why not, and the remedy; empty when all is well
  std::uint64_t memory_budget_bytes = 0;
  std::uint64_t memory_in_use_bytes = 0;
  unsigned decode_threads = 0;
};

class Engine {
 public:
  // Opens the state directory (made if missing), recovers every database, continues or fails the
  // operations that a crash cut off. Errors: state_locked, corruption, io_error,
  // invalid_configuration, store errors of the repository (a missing directory is made).
  static Result<std::unique_ptr<Engine>> open(EngineOptions options);
  // Takes the repository's secrets out of the process's environment: open() still finds them, and
  // /proc, core dumps and children do not. REQUIRES: before open(), while there is one thread.
  static void forget_environment_secrets();
  // Whether the keys that the options name can be read. Errors: the configuration's and the file's.
  static Result<void> check_keys(const EncryptionOptions& options);
  // Whether the hooks can be run: open() refuses them otherwise. Errors: invalid_configuration.
  static Result<void> check_hooks(const HookOptions& options);
  virtual ~Engine() = default;

  // Stops operations (they continue at the next open), flushes, releases every handle.
  // REQUIRES: no permit, pin or cursor is held. Nothing may be called after it.
  virtual Result<void> close() = 0;

  virtual EngineFacts engine_facts() const = 0;

  // Databases. create: also makes the connection "default". remove: database_busy while an
  // operation runs on it, default_database for the default one; sessions lose it at once.
  // logical_id_taken where the logical id of create or update is another's in the project.
  virtual Result<CreatedDatabase> create_database(CreateDatabase request,
                                                  std::string principal) = 0;
  virtual std::vector<DatabaseInfo> databases() const = 0;  // by creation
  virtual Result<DatabaseInfo> database(const DatabaseId& id) const = 0;
  // Errors: database_not_found.
  virtual Result<void> update_database(const DatabaseId& id, DatabaseChanges changes) = 0;
  Result<void> rename_database(const DatabaseId& id, std::string name) {
    DatabaseChanges changes;
    changes.name = std::move(name);
    return update_database(id, std::move(changes));
  }
  virtual Result<void> remove_database(const DatabaseId& id) = 0;
  // Reads every row of the live content, at the one moment of the call, beside clients and below
  // them: however much it is, the memory is that of one cursor, and no block goes into the cache.
  // One at a time. Errors: database_not_found, database_busy (another one runs), cancelled,
  // corruption and io_error of reading.
  virtual Result<LiveContent> live_content(const DatabaseId& id, std::stop_token stop) const = 0;
  // Null when the database is gone. Cheap.
  virtual std::shared_ptr<Keyspace> keyspace(const DatabaseId& id) const = 0;
  // Adds to the commands that the database has served today. Cheap; on record within
  // limits::usage_flush_seconds, and at close(): what a crash loses is what came after the last
  // time. Nothing for a database that is gone.
  virtual void count_commands(const DatabaseId& id, std::uint64_t commands) = 0;
  // The days from the first to the last on which there were any, in order, those not yet on record
  // included; limits::usage_days_max of them are kept. Errors: database_not_found.
  virtual Result<std::vector<DailyCommands>> daily_commands(const DatabaseId& id,
                                                            std::uint32_t first_day,
                                                            std::uint32_t last_day) const = 0;

  // Connections: credentials of the data plane. They are not part of any generation.
  virtual Result<NewConnection> create_connection(const DatabaseId& id, std::string name,
                                                  const Intent& intent = {}) = 0;
  virtual Result<std::vector<ConnectionInfo>> connections(const DatabaseId& id) const = 0;
  virtual Result<ConnectionInfo> connection(const ConnectionId& id) const = 0;
  virtual Result<NewConnection> rotate_connection(const ConnectionId& id,
                                                  const Intent& intent = {}) = 0;
  virtual Result<void> remove_connection(const ConnectionId& id) = 0;
  // Constant time in the password. `user` empty or "default": the password alone decides.
  virtual std::optional<Credential> authenticate(std::string_view user,
                                                 std::string_view password) const = 0;
  // Whether sessions that authenticated with it may go on (not removed, not rotated away is not
  // asked: a rotation leaves open sessions open).
  virtual bool connection_exists(const ConnectionId& id) const = 0;

  // Control tokens. ensure_admin_token() makes the administrator's where there never was a token.
  // `keep` puts its secret where it lasts, before the token counts: nobody can be left with a token
  // whose secret is lost. Errors: those of `keep`, after which there still never was a token.
  using KeepSecret = std::function<Result<void>(const std::string& secret)>;
  virtual Result<std::optional<NewToken>> ensure_admin_token(const KeepSecret& keep) = 0;
  virtual Result<NewToken> create_token(std::string name, Scopes scopes,
                                        const Intent& intent = {}) = 0;
  virtual std::vector<TokenInfo> tokens() const = 0;
  virtual Result<void> revoke_token(const TokenId& id) = 0;
  virtual std::optional<TokenInfo> token(std::string_view secret) const = 0;  // constant time

  // Backups. backups(): newest first, running ones included. A limit (0: none) is part of what is
  // accepted; set_operation_bandwidth changes it later.
  virtual Result<OperationView> start_backup(const DatabaseId& id, std::string backup_name,
                                             std::string principal,
                                             std::uint64_t bandwidth_bytes_per_second = 0,
                                             const Intent& intent = {}) = 0;
  virtual Result<std::vector<BackupInfo>> backups(const DatabaseId& id) const = 0;
  // Never asks the repository. Empty for a database that is not known.
  virtual BackupHistory backup_history(const DatabaseId& id) const = 0;
  virtual Result<BackupInfo> backup(const BackupId& id) const = 0;
  // The manifest as JSON text, for people.
  virtual Result<std::string> backup_manifest(const BackupId& id) const = 0;
  virtual Result<OperationView> start_verify(const BackupId& id, VerifyDepth depth,
                                             std::string principal, const Intent& intent = {}) = 0;
  // database_busy while an operation uses it. The backup is gone when it returns; the objects that
  // only it had go later, in the background.
  virtual Result<void> remove_backup(const BackupId& id) = 0;
  // Backups by schedule. set_daily_backup: durable when it returns; nothing: as the policy says.
  // Errors: database_not_found, the registry's.
  virtual const BackupPolicy& backup_policy() const = 0;
  virtual Result<DatabaseSchedule> schedule(const DatabaseId& id) const = 0;
  virtual Result<DatabaseSchedule> set_daily_backup(const DatabaseId& id,
                                                    std::optional<bool> on) = 0;
  // Removes what no backup names any more, in the whole repository; may take minutes. A dry run
  // changes nothing. Errors: collection_running (another host does it), cancelled, store errors.
  virtual Result<CollectionReport> collect_repository(bool dry_run, std::stop_token stop) = 0;
  // Wraps the repository's data keys with this agent's key, and no longer with its previous ones.
  virtual Result<RekeyReport> rekey_repository(bool keep_previous, std::stop_token stop) = 0;

  // Restores. start_restore has passed validate and reserve when it returns: its errors are the
  // answers of the HTTP contract (target_database_not_found, source_database_not_found,
  // backup_not_found, database_provisioning, database_recovering, backup_not_usable,
  // insufficient_space, object_store_unavailable). Of two racing calls exactly one succeeds.
  virtual Result<OperationView> start_restore(const RestoreRequest& request) = 0;
  virtual Result<RestorePreview> validate_restore(const RestoreRequest& request) const = 0;
  virtual Result<OperationView> start_undo(const DatabaseId& id, std::string principal,
                                           const Intent& intent = {}) = 0;

  // What is remembered of requests: answers to be repeated, and the audit.
  virtual RequestRecords& requests() = 0;

  // Operations: running and ended ones, newest first, across restarts. Both answer from memory.
  virtual std::vector<OperationView> operations() const = 0;
  virtual Result<OperationView> operation(const OperationId& id) const = 0;
  // Returns when it ended, `timeout` passed or `stop` was triggered, with the view of then.
  virtual Result<OperationView> wait_operation(const OperationId& id,
                                               std::chrono::milliseconds timeout,
                                               std::stop_token stop) const = 0;
  // Accepted: it ends as cancelled soon, unless it ended first; also when the agent dies before
  // that. Errors: operation_not_found, operation_ended, past_point_of_no_return, the registry's.
  virtual Result<OperationView> cancel_operation(const OperationId& id) = 0;
  // A restore with `hold` goes on to its swap, also when the agent dies before that; one that is
  // not staged yet will not stop. Asked again, also after the swap: the same answer. Errors:
  // operation_not_found, operation_not_held, operation_ended (it failed, or was told to end), the
  // registry's.
  virtual Result<OperationView> commit_operation(const OperationId& id) = 0;

  // Bytes a second between this agent and its repository, in both directions together; 0: no
  // limit. In force at once. The agent's own is forgotten at the next open, which begins with
  // options.store; an operation's lasts as long as the operation. Errors of
  // set_operation_bandwidth: operation_not_found, operation_ended, the registry's.
  virtual std::uint64_t bandwidth() const = 0;
  virtual void set_bandwidth(std::uint64_t bytes_per_second) = 0;
  virtual Result<OperationView> set_operation_bandwidth(const OperationId& id,
                                                        std::uint64_t bytes_per_second) = 0;
};

}  // namespace restored
