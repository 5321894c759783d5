// An engine that does nothing but look at what the control server hands it: identifiers that make
// paths and keys, names within the limits, as engine.h's callers owe it. One database, one
// connection, one backup, one running operation; every secret opens the door.
// Threading: all methods may be called from any thread at once.
#pragma once

#include "checked_requests.h"
#include "restored/engine.h"

namespace restored::fuzz {

inline constexpr std::string_view known_id = "known";

class CheckedEngine final : public Engine {
 public:
  Result<void> close() override { return {}; }
  EngineFacts engine_facts() const override;

  Result<CreatedDatabase> create_database(CreateDatabase request, std::string principal) override;
  std::vector<DatabaseInfo> databases() const override;
  Result<DatabaseInfo> database(const DatabaseId& id) const override;
  Result<void> update_database(const DatabaseId& id, DatabaseChanges changes) override;
  Result<void> remove_database(const DatabaseId& id) override;
  Result<LiveContent> live_content(const DatabaseId&, std::stop_token) const override {
    return LiveContent();
  }
  std::shared_ptr<Keyspace> keyspace(const DatabaseId&) const override { return nullptr; }
  void count_commands(const DatabaseId&, std::uint64_t) override {}
  Result<std::vector<DailyCommands>> daily_commands(const DatabaseId& id, std::uint32_t first_day,
                                                    std::uint32_t last_day) const override;

  Result<NewConnection> create_connection(const DatabaseId& id, std::string name,
                                          const Intent& intent) override;
  Result<std::vector<ConnectionInfo>> connections(const DatabaseId& id) const override;
  Result<ConnectionInfo> connection(const ConnectionId& id) const override;
  Result<NewConnection> rotate_connection(const ConnectionId& id, const Intent& intent) override;
  Result<void> remove_connection(const ConnectionId& id) override;
  std::optional<Credential> authenticate(std::string_view, std::string_view) const override {
    return std::nullopt;
  }
  bool connection_exists(const ConnectionId& id) const override { return id.value == known_id; }

  Result<std::optional<NewToken>> ensure_admin_token(const KeepSecret&) override;
  Result<NewToken> create_token(std::string name, Scopes scopes, const Intent& intent) override;
  std::vector<TokenInfo> tokens() const override;
  Result<void> revoke_token(const TokenId& id) override;
  std::optional<TokenInfo> token(std::string_view secret) const override;

  Result<OperationView> start_backup(const DatabaseId& id, std::string backup_name,
                                     std::string principal,
                                     std::uint64_t bandwidth_bytes_per_second,
                                     const Intent& intent) override;
  Result<std::vector<BackupInfo>> backups(const DatabaseId& id) const override;
  BackupHistory backup_history(const DatabaseId&) const override { return {}; }
  Result<BackupInfo> backup(const BackupId& id) const override;
  Result<std::string> backup_manifest(const BackupId& id) const override;
  Result<OperationView> start_verify(const BackupId& id, VerifyDepth depth, std::string principal,
                                     const Intent& intent) override;
  Result<void> remove_backup(const BackupId& id) override;
  const BackupPolicy& backup_policy() const override;
  Result<DatabaseSchedule> schedule(const DatabaseId& id) const override;
  Result<DatabaseSchedule> set_daily_backup(const DatabaseId& id, std::optional<bool> on) override;
  Result<CollectionReport> collect_repository(bool dry_run, std::stop_token stop) override;
  Result<RekeyReport> rekey_repository(bool, std::stop_token) override { return RekeyReport(); }

  Result<OperationView> start_restore(const RestoreRequest& request) override;
  Result<RestorePreview> validate_restore(const RestoreRequest& request) const override;
  Result<OperationView> start_undo(const DatabaseId& id, std::string principal,
                                   const Intent& intent) override;

  RequestRecords& requests() override { return requests_; }

  std::vector<OperationView> operations() const override;
  Result<OperationView> operation(const OperationId& id) const override;
  Result<OperationView> wait_operation(const OperationId& id, std::chrono::milliseconds timeout,
                                       std::stop_token stop) const override;
  Result<OperationView> cancel_operation(const OperationId& id) override;
  Result<OperationView> commit_operation(const OperationId& id) override;

  std::uint64_t bandwidth() const override { return 0; }
  void set_bandwidth(std::uint64_t bytes_per_second) override;
  Result<OperationView> set_operation_bandwidth(const OperationId& id,
                                                std::uint64_t bytes_per_second) override;

 private:
  BackupPolicy policy_;
  CheckedRequests requests_;
};

}  // namespace restored::fuzz
