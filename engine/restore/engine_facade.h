// restored::Engine over the parts: every method delegates to the one that owns the matter.
// Threading: as Engine.
#pragma once

#include <memory>

#include "restore/backup_schedule.h"
#include "restore/collector.h"
#include "restore/engine_parts.h"
#include "restore/housekeeping.h"
#include "restored/engine.h"

namespace restored::restore {

class EngineFacade final : public Engine {
 public:
  explicit EngineFacade(std::unique_ptr<EngineParts> parts);
  ~EngineFacade() override;  // as close(), its errors are in the log

  Result<void> close() override;
  EngineFacts engine_facts() const override;

  Result<CreatedDatabase> create_database(CreateDatabase request, std::string principal) override;
  std::vector<DatabaseInfo> databases() const override;
  Result<DatabaseInfo> database(const DatabaseId& id) const override;
  Result<void> update_database(const DatabaseId& id, DatabaseChanges changes) override;
  Result<void> remove_database(const DatabaseId& id) override;
  Result<LiveContent> live_content(const DatabaseId& id, std::stop_token stop) const override;
  std::shared_ptr<Keyspace> keyspace(const DatabaseId& id) const override;
  void count_commands(const DatabaseId& id, std::uint64_t commands) override;
  Result<std::vector<DailyCommands>> daily_commands(const DatabaseId& id, std::uint32_t first_day,
                                                    std::uint32_t last_day) const override;

  Result<NewConnection> create_connection(const DatabaseId& id, std::string name,
                                          const Intent& intent) override;
  Result<std::vector<ConnectionInfo>> connections(const DatabaseId& id) const override;
  Result<ConnectionInfo> connection(const ConnectionId& id) const override;
  Result<NewConnection> rotate_connection(const ConnectionId& id, const Intent& intent) override;
  Result<void> remove_connection(const ConnectionId& id) override;
  std::optional<Credential> authenticate(std::string_view user,
                                         std::string_view password) const override;
  bool connection_exists(const ConnectionId& id) const override;

  Result<std::optional<NewToken>> ensure_admin_token(const KeepSecret& keep) override;
  Result<NewToken> create_token(std::string name, Scopes scopes, const Intent& intent) override;
  std::vector<TokenInfo> tokens() const override;
  Result<void> revoke_token(const TokenId& id) override;
  std::optional<TokenInfo> token(std::string_view secret) const override;

  Result<OperationView> start_backup(const DatabaseId& id, std::string backup_name,
                                     std::string principal,
                                     std::uint64_t bandwidth_bytes_per_second,
                                     const Intent& intent) override;
  Result<std::vector<BackupInfo>> backups(const DatabaseId& id) const override;
  BackupHistory backup_history(const DatabaseId& id) const override;
  Result<BackupInfo> backup(const BackupId& id) const override;
  Result<std::string> backup_manifest(const BackupId& id) const override;
  Result<OperationView> start_verify(const BackupId& id, VerifyDepth depth, std::string principal,
                                     const Intent& intent) override;
  Result<void> remove_backup(const BackupId& id) override;
  const BackupPolicy& backup_policy() const override { return parts_->options.backups; }
  Result<DatabaseSchedule> schedule(const DatabaseId& id) const override;
  Result<DatabaseSchedule> set_daily_backup(const DatabaseId& id, std::optional<bool> on) override;
  Result<CollectionReport> collect_repository(bool dry_run, std::stop_token stop) override;
  Result<RekeyReport> rekey_repository(bool keep_previous, std::stop_token stop) override;

  Result<OperationView> start_restore(const RestoreRequest& request) override;
  Result<RestorePreview> validate_restore(const RestoreRequest& request) const override;
  Result<OperationView> start_undo(const DatabaseId& id, std::string principal,
                                   const Intent& intent) override;

  RequestRecords& requests() override { return parts_->registry->requests(); }

  std::vector<OperationView> operations() const override;
  Result<OperationView> operation(const OperationId& id) const override;
  Result<OperationView> wait_operation(const OperationId& id, std::chrono::milliseconds timeout,
                                       std::stop_token stop) const override;
  Result<OperationView> cancel_operation(const OperationId& id) override;
  Result<OperationView> commit_operation(const OperationId& id) override;
  std::uint64_t bandwidth() const override;
  void set_bandwidth(std::uint64_t bytes_per_second) override;
  Result<OperationView> set_operation_bandwidth(const OperationId& id,
                                                std::uint64_t bytes_per_second) override;

 private:
  const std::unique_ptr<EngineParts> parts_;
  Housekeeping housekeeping_;
  Collector collector_;
  BackupSchedule schedule_;
  bool closed_ = false;
};

// Stops and closes the parts, in order: operations, databases, registry. Returns the first error.
Result<void> close_parts(EngineParts& parts);

}  // namespace restored::restore
