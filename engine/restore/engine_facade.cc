#include "restore/engine_facade.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "hook/hooks.h"
#include "restore/accept.h"
#include "restore/backup_removal.h"
#include "restore/database_lifecycle.h"
#include "restore/live_content.h"
#include "restore/unrecorded_ends.h"
#include "restore/views.h"
#include "restore/wrapping_keys.h"
#include "store/environment.h"

namespace restored::restore {
namespace {

constexpr Scopes all_scopes = static_cast<Scopes>(Scope::read) | static_cast<Scopes>(Scope::write) |
                              static_cast<Scopes>(Scope::restore);

Error unknown_database(const DatabaseId& id) {
  return {ErrorCode::database_not_found, fmt::format("database {} does not exist", id.value), {}};
}

}  // namespace

Result<void> close_parts(EngineParts& parts) {
  parts.stopping.request_stop();
  for (const OperationTable::Pointer& operation : parts.operations->running()) {
    operation->stop_for_shutdown();
  }
  parts.runner.close();
  record_ends(parts);
  erase_removed(parts);
  Result<void> outcome = parts.databases.close();
  const Result<void> counted = parts.registry->usage().flush();
  if (!counted) {
    log::warning("restore", "the last commands are not counted: {}", counted.error().message);
  }
  Result<void> registry = parts.registry->close();
  return outcome ? registry : outcome;
}

EngineFacade::EngineFacade(std::unique_ptr<EngineParts> parts)
    : parts_(std::move(parts)),
      housekeeping_(*parts_),
      collector_(*parts_),
      schedule_(*parts_, collector_) {}

EngineFacade::~EngineFacade() {
  if (closed_) return;
  if (const Result<void> closed = close(); !closed) {
    log::error("restore", "closing the engine: {}", closed.error().message);
  }
}

Result<void> EngineFacade::close() {
  if (std::exchange(closed_, true)) return {};
  schedule_.stop();
  collector_.stop();
  housekeeping_.stop();
  return close_parts(*parts_);
}

EngineFacts EngineFacade::engine_facts() const {
  EngineFacts facts;
  facts.version = agent_version();
  facts.rocksdb_version = catalog::rocksdb_version();
  facts.repository_url = parts_->store->url();
  facts.repository_error = parts_->repository->error();
  if (parts_->keys->encrypts()) facts.encryption_key = parts_->keys->wrapping_keys().front().id();
  facts.io_uring = parts_->queue->on_ring();
  if (!facts.io_uring) {
    facts.io_note = parts_->options.io_uring ? io::probe().note : "switched off by configuration";
  }
  facts.memory_budget_bytes = parts_->budget->budget_bytes();
  facts.memory_in_use_bytes = parts_->budget->in_use_bytes();
  facts.decode_threads = parts_->decode_threads();
  return facts;
}

// Databases.

Result<CreatedDatabase> EngineFacade::create_database(CreateDatabase request,
                                                      std::string principal) {
  RESTORED_TRY(MadeDatabase made, make_database(*parts_, request, principal));
  return CreatedDatabase{database_view(*parts_, made.record), std::move(made.connection),
                         std::move(made.operation)};
}

std::vector<DatabaseInfo> EngineFacade::databases() const {
  std::vector<DatabaseInfo> infos;
  for (const registry::DatabaseRecord& record : parts_->registry->databases()) {
    infos.push_back(database_view(*parts_, record));
  }
  return infos;
}

Result<DatabaseInfo> EngineFacade::database(const DatabaseId& id) const {
  const std::optional<registry::DatabaseRecord> record = parts_->registry->database(id);
  if (!record) return std::unexpected(unknown_database(id));
  return database_view(*parts_, *record);
}

Result<LiveContent> EngineFacade::live_content(const DatabaseId& id, std::stop_token stop) const {
  const std::shared_ptr<Keyspace> served = keyspace(id);
  if (!served) return std::unexpected(unknown_database(id));
  return read_live_content(*served, parts_->clock, parts_->reading_content, std::move(stop));
}

Result<void> EngineFacade::update_database(const DatabaseId& id, DatabaseChanges changes) {
  return restore::update_database(*parts_, id, changes);
}

Result<void> EngineFacade::remove_database(const DatabaseId& id) {
  return restore::remove_database(*parts_, id);
}

std::shared_ptr<Keyspace> EngineFacade::keyspace(const DatabaseId& id) const {
  return parts_->databases.find(id);
}

void EngineFacade::count_commands(const DatabaseId& id, std::uint64_t commands) {
  if (commands == 0 || !parts_->registry->database(id)) return;
  parts_->registry->usage().count(id, parts_->today(), commands);
}

Result<std::vector<DailyCommands>> EngineFacade::daily_commands(const DatabaseId& id,
                                                                std::uint32_t first_day,
                                                                std::uint32_t last_day) const {
  if (!parts_->registry->database(id)) return std::unexpected(unknown_database(id));
  return parts_->registry->usage().of(id, first_day, last_day);
}

// Connections.

Result<NewConnection> EngineFacade::create_connection(const DatabaseId& id, std::string name,
                                                      const Intent& intent) {
  return parts_->registry->create_connection(id, std::move(name), intent);
}

Result<std::vector<ConnectionInfo>> EngineFacade::connections(const DatabaseId& id) const {
  if (!parts_->registry->database(id)) return std::unexpected(unknown_database(id));
  return parts_->registry->connections(id);
}

Result<ConnectionInfo> EngineFacade::connection(const ConnectionId& id) const {
  std::optional<ConnectionInfo> info = parts_->registry->connection(id);
  if (info) return std::move(*info);
  return fail(ErrorCode::connection_not_found,
              fmt::format("connection {} does not exist", id.value));
}

Result<NewConnection> EngineFacade::rotate_connection(const ConnectionId& id,
                                                      const Intent& intent) {
  return parts_->registry->rotate_connection(id, intent);
}

Result<void> EngineFacade::remove_connection(const ConnectionId& id) {
  return parts_->registry->remove_connection(id);
}

std::optional<Credential> EngineFacade::authenticate(std::string_view user,
                                                     std::string_view password) const {
  return parts_->registry->authenticate(user, password);
}

bool EngineFacade::connection_exists(const ConnectionId& id) const {
  return parts_->registry->connection(id).has_value();
}

// Tokens.

Result<std::optional<NewToken>> EngineFacade::ensure_admin_token(const KeepSecret& keep) {
  if (!parts_->registry->never_had_a_token()) return std::nullopt;
  RESTORED_TRY(NewToken token, parts_->registry->create_token("admin", all_scopes, keep));
  return token;
}

Result<NewToken> EngineFacade::create_token(std::string name, Scopes scopes, const Intent& intent) {
  if (scopes == 0 || (scopes & ~all_scopes) != 0) {
    return fail(ErrorCode::invalid_value, "a token has one or more of read, write and restore");
  }
  return parts_->registry->create_token(std::move(name), scopes, {}, intent);
}

std::vector<TokenInfo> EngineFacade::tokens() const {
  return parts_->registry->tokens();
}

Result<void> EngineFacade::revoke_token(const TokenId& id) {
  return parts_->registry->revoke_token(id);
}

std::optional<TokenInfo> EngineFacade::token(std::string_view secret) const {
  return parts_->registry->token(secret);
}

// Backups.

Result<OperationView> EngineFacade::start_backup(const DatabaseId& id, std::string backup_name,
                                                 std::string principal,
                                                 std::uint64_t bandwidth_bytes_per_second,
                                                 const Intent& intent) {
  return accept_backup(*parts_, id, std::move(backup_name), std::move(principal),
                       bandwidth_bytes_per_second, intent);
}

Result<std::vector<BackupInfo>> EngineFacade::backups(const DatabaseId& id) const {
  return backup_views(*parts_, id, parts_->request_call());
}

BackupHistory EngineFacade::backup_history(const DatabaseId& id) const {
  return parts_->operations->backup_history(id);
}

Result<BackupInfo> EngineFacade::backup(const BackupId& id) const {
  return find_backup(*parts_, id, parts_->request_call());
}

Result<std::string> EngineFacade::backup_manifest(const BackupId& id) const {
  const StoreCall call = parts_->request_call();
  RESTORED_TRY(const backup::Repository* repository, parts_->repository->get(call));
  RESTORED_TRY(const format::Manifest manifest, repository->manifest(id, call));
  return format::manifest_json(manifest);
}

Result<OperationView> EngineFacade::start_verify(const BackupId& id, VerifyDepth depth,
                                                 std::string principal, const Intent& intent) {
  return accept_verify(*parts_, id, depth, std::move(principal), intent);
}

Result<void> EngineFacade::remove_backup(const BackupId& id) {
  return restore::remove_backup(*parts_, collector_, id, parts_->request_call());
}

Result<DatabaseSchedule> EngineFacade::schedule(const DatabaseId& id) const {
  return schedule_.view(id);
}

Result<DatabaseSchedule> EngineFacade::set_daily_backup(const DatabaseId& id,
                                                        std::optional<bool> on) {
  RESTORED_TRY(schedule_.choose(id, on));
  return schedule_.view(id);
}

Result<CollectionReport> EngineFacade::collect_repository(bool dry_run, std::stop_token stop) {
  return collector_.collect(dry_run, std::move(stop));
}

Result<RekeyReport> EngineFacade::rekey_repository(bool keep_previous, std::stop_token stop) {
  return collector_.rekey(keep_previous, std::move(stop));
}

// Restores.

Result<OperationView> EngineFacade::start_restore(const RestoreRequest& request) {
  return accept_restore(*parts_, request);
}

Result<RestorePreview> EngineFacade::validate_restore(const RestoreRequest& request) const {
  RESTORED_TRY(const RestoreCheck check, check_restore(*parts_, request));
  RESTORED_TRY(DatabaseInfo target, database(request.target));
  RestorePreview preview;
  preview.backup = backup_view(*parts_, format::summarize(check.manifest));
  preview.target = std::move(target);
  preview.staging_bytes = check.space.content_bytes;
  preview.free_bytes = check.space.free_bytes;
  preview.reusable_bytes = check.space.reusable_bytes;
  return preview;
}

Result<OperationView> EngineFacade::start_undo(const DatabaseId& id, std::string principal,
                                               const Intent& intent) {
  return undo(*parts_, id, std::move(principal), intent);
}

// Operations.

std::vector<OperationView> EngineFacade::operations() const {
  return parts_->operations->views();
}

Result<OperationView> EngineFacade::operation(const OperationId& id) const {
  RESTORED_TRY(const OperationTable::Pointer operation, parts_->operations->find(id));
  return operation->view();
}

Result<OperationView> EngineFacade::wait_operation(const OperationId& id,
                                                   std::chrono::milliseconds timeout,
                                                   std::stop_token stop) const {
  RESTORED_TRY(const OperationTable::Pointer operation, parts_->operations->find(id));
  return operation->wait(timeout, std::move(stop));
}

Result<OperationView> EngineFacade::cancel_operation(const OperationId& id) {
  RESTORED_TRY(const OperationTable::Pointer operation, parts_->operations->find(id));
  return operation->cancel();
}

Result<OperationView> EngineFacade::commit_operation(const OperationId& id) {
  RESTORED_TRY(const OperationTable::Pointer operation, parts_->operations->find(id));
  RESTORED_TRY(OperationView view, operation->commit());
  parts_->step("restore.commit.after-record");
  return view;
}

std::uint64_t EngineFacade::bandwidth() const {
  return parts_->bandwidth.get();
}

void EngineFacade::set_bandwidth(std::uint64_t bytes_per_second) {
  parts_->bandwidth.set(bytes_per_second);
  log::info("restore", "bandwidth of the agent: {} bytes a second (0: no limit)", bytes_per_second);
}

Result<OperationView> EngineFacade::set_operation_bandwidth(const OperationId& id,
                                                            std::uint64_t bytes_per_second) {
  RESTORED_TRY(const OperationTable::Pointer operation, parts_->operations->find(id));
  return operation->set_bandwidth(bytes_per_second);
}

}  // namespace restored::restore

namespace restored {

void Engine::forget_environment_secrets() {
  store::forget_environment_secrets();
}

Result<void> Engine::check_keys(const EncryptionOptions& options) {
  RESTORED_TRY(restore::read_wrapping_keys(options));
  return {};
}

Result<void> Engine::check_hooks(const HookOptions& options) {
  return hook::check(options);
}

}  // namespace restored
