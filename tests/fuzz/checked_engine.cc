#include "checked_engine.h"

#include <algorithm>
#include <string>
#include <utility>

#include "target.h"

namespace restored::fuzz {
namespace {

constexpr UnixMillis some_time = 1'700'000'000'000;
constexpr Scopes all_scopes = 7;

void require_id(const std::string& id) {
  require(!id.empty() && id.size() <= 128 && id.front() != '.' &&
              std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7f && c != '/'; }),
          "an id is a short printable string without '/'");
}

void require_name(const std::string& name) {
  // Of a connection: 65 characters of up to four bytes.
  require(name.size() <= 4 * limits::connection_name_characters_max && is_utf8(name) &&
              std::ranges::all_of(
                  name, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; }),
          "a name is bounded, UTF-8, and has no control characters");
}

void require_principal(const std::string& principal) {
  require(principal.starts_with("token:") && principal.size() < 300, "a principal is a token");
}

void require_seed(const Intent& intent) {
  require(!intent.given() || intent.seed.size() >= 32, "a seed cannot be guessed");
}

template <class Value>
Result<Value> known(const std::string& id, ErrorCode missing, Value value) {
  require_id(id);
  if (id != known_id) return fail(missing, "there is nothing with this id");
  return value;
}

Result<void> known(const std::string& id, ErrorCode missing) {
  require_id(id);
  if (id != known_id) return fail(missing, "there is nothing with this id");
  return {};
}

ConnectionInfo some_connection() {
  return {ConnectionId(std::string(known_id)), DatabaseId(std::string(known_id)), "default",
          some_time};
}

DatabaseInfo some_database() {
  DatabaseInfo info;
  info.id = DatabaseId(std::string(known_id));
  info.name = "orders";
  info.project_id = "default";
  info.region = "us-east-1";
  info.status = DatabaseStatus::ready;
  info.created_at = some_time;
  info.connections = {some_connection()};
  info.generation = 1;
  return info;
}

BackupInfo some_backup() {
  BackupInfo info;
  info.id = BackupId(std::string(known_id));
  info.database = DatabaseId(std::string(known_id));
  info.database_name = "orders";
  info.name = "nightly";
  info.status = BackupStatus::completed;
  info.created_at = some_time;
  return info;
}

OperationView some_operation() {
  OperationView view;
  view.id = OperationId(std::string(known_id));
  view.database = DatabaseId(std::string(known_id));
  view.backup = BackupId(std::string(known_id));
  view.created_at = view.updated_at = some_time;
  return view;
}

TokenInfo some_token() {
  return {TokenId(std::string(known_id)), "admin", all_scopes, some_time};
}

void require_rate(std::uint64_t bytes_per_second) {
  require(bytes_per_second == 0 || bytes_per_second >= limits::store_bytes_per_second_min,
          "a limit is none, or one that a transfer can live with");
}

void require_request(const RestoreRequest& request) {
  require_id(request.target.value);
  require_id(request.backup.value);
  if (!request.source_database.empty()) require_id(request.source_database.value);
  require_principal(request.principal);
  require_seed(request.intent);
}

}  // namespace

EngineFacts CheckedEngine::engine_facts() const {
  EngineFacts facts;
  facts.version = "0.1.0";
  facts.repository_url = "file:///backups";
  return facts;
}

Result<CreatedDatabase> CheckedEngine::create_database(CreateDatabase request,
                                                       std::string principal) {
  require_name(request.name);
  require(!request.name.empty(), "a database has a name");
  require_id(request.project_id);
  require_name(request.region);
  require_name(request.logical_id);
  require_principal(principal);
  require_seed(request.intent);
  CreatedDatabase made;
  made.info = some_database();
  made.info.name = std::move(request.name);
  made.info.project_id = std::move(request.project_id);
  if (request.from_backup) {
    require_id(request.from_backup->database.value);
    require_id(request.from_backup->backup.value);
    made.operation = OperationId(std::string(known_id));
    made.info.source = *request.from_backup;
  }
  if (request.from_database) {
    require(!request.from_backup, "a database has one source");
    require_id(request.from_database->database.value);
    made.operation = OperationId(std::string(known_id));
    made.info.source = *request.from_database;
  }
  made.connection = {some_connection(), "password"};
  return made;
}

std::vector<DatabaseInfo> CheckedEngine::databases() const {
  return {some_database()};
}
Result<DatabaseInfo> CheckedEngine::database(const DatabaseId& id) const {
  return known(id.value, ErrorCode::database_not_found, some_database());
}
Result<void> CheckedEngine::update_database(const DatabaseId& id, DatabaseChanges changes) {
  if (changes.name) require_name(*changes.name);
  if (changes.logical_id) require_name(*changes.logical_id);
  return known(id.value, ErrorCode::database_not_found);
}
Result<std::vector<DailyCommands>> CheckedEngine::daily_commands(const DatabaseId& id,
                                                                 std::uint32_t first_day,
                                                                 std::uint32_t last_day) const {
  require(first_day <= last_day, "a period ends after it begins");
  return known(id.value, ErrorCode::database_not_found,
               std::vector{DailyCommands{first_day, 3}, DailyCommands{last_day, 4}});
}
Result<void> CheckedEngine::remove_database(const DatabaseId& id) {
  return known(id.value, ErrorCode::database_not_found);
}

Result<NewConnection> CheckedEngine::create_connection(const DatabaseId& id, std::string name,
                                                       const Intent& intent) {
  require_seed(intent);
  require_name(name);
  NewConnection made{some_connection(), "password"};
  made.info.name = std::move(name);
  return known(id.value, ErrorCode::database_not_found, std::move(made));
}
Result<std::vector<ConnectionInfo>> CheckedEngine::connections(const DatabaseId& id) const {
  return known(id.value, ErrorCode::database_not_found, std::vector{some_connection()});
}
Result<ConnectionInfo> CheckedEngine::connection(const ConnectionId& id) const {
  return known(id.value, ErrorCode::connection_not_found, some_connection());
}
Result<NewConnection> CheckedEngine::rotate_connection(const ConnectionId& id,
                                                       const Intent& intent) {
  require_seed(intent);
  return known(id.value, ErrorCode::connection_not_found,
               NewConnection{some_connection(), "password"});
}
Result<void> CheckedEngine::remove_connection(const ConnectionId& id) {
  return known(id.value, ErrorCode::connection_not_found);
}

Result<std::optional<NewToken>> CheckedEngine::ensure_admin_token(const KeepSecret&) {
  return std::nullopt;
}
Result<NewToken> CheckedEngine::create_token(std::string name, Scopes scopes,
                                             const Intent& intent) {
  require_seed(intent);
  require_name(name);
  require(scopes != 0 && scopes <= all_scopes, "a token has scopes");
  return NewToken{{TokenId(std::string(known_id)), std::move(name), scopes, some_time}, "secret"};
}
std::vector<TokenInfo> CheckedEngine::tokens() const {
  return {some_token()};
}
Result<void> CheckedEngine::revoke_token(const TokenId& id) {
  return known(id.value, ErrorCode::token_not_found);
}
std::optional<TokenInfo> CheckedEngine::token(std::string_view secret) const {
  require(!secret.empty(), "nobody asks for no secret");
  return some_token();
}

Result<OperationView> CheckedEngine::start_backup(const DatabaseId& id, std::string backup_name,
                                                  std::string principal,
                                                  std::uint64_t bandwidth_bytes_per_second,
                                                  const Intent& intent) {
  require_seed(intent);
  require_name(backup_name);
  require_principal(principal);
  require_rate(bandwidth_bytes_per_second);
  return known(id.value, ErrorCode::database_not_found, some_operation());
}
Result<std::vector<BackupInfo>> CheckedEngine::backups(const DatabaseId& id) const {
  return known(id.value, ErrorCode::database_not_found, std::vector{some_backup()});
}
Result<BackupInfo> CheckedEngine::backup(const BackupId& id) const {
  return known(id.value, ErrorCode::backup_not_found, some_backup());
}
Result<std::string> CheckedEngine::backup_manifest(const BackupId& id) const {
  return known(id.value, ErrorCode::backup_not_found, std::string("{}"));
}
Result<OperationView> CheckedEngine::start_verify(const BackupId& id, VerifyDepth,
                                                  std::string principal, const Intent& intent) {
  require_seed(intent);
  require_principal(principal);
  return known(id.value, ErrorCode::backup_not_found, some_operation());
}
Result<void> CheckedEngine::remove_backup(const BackupId& id) {
  return known(id.value, ErrorCode::backup_not_found);
}
const BackupPolicy& CheckedEngine::backup_policy() const {
  return policy_;
}
Result<DatabaseSchedule> CheckedEngine::schedule(const DatabaseId& id) const {
  DatabaseSchedule schedule;
  schedule.database = id;
  return known(id.value, ErrorCode::database_not_found, std::move(schedule));
}
Result<DatabaseSchedule> CheckedEngine::set_daily_backup(const DatabaseId& id,
                                                         std::optional<bool> on) {
  DatabaseSchedule schedule;
  schedule.database = id;
  schedule.chosen = on;
  return known(id.value, ErrorCode::database_not_found, std::move(schedule));
}
Result<CollectionReport> CheckedEngine::collect_repository(bool dry_run, std::stop_token) {
  CollectionReport report;
  report.dry_run = dry_run;
  return report;
}

Result<OperationView> CheckedEngine::start_restore(const RestoreRequest& request) {
  require_request(request);
  return known(request.backup.value, ErrorCode::backup_not_found, some_operation());
}
Result<RestorePreview> CheckedEngine::validate_restore(const RestoreRequest& request) const {
  require_request(request);
  return known(request.backup.value, ErrorCode::backup_not_found,
               RestorePreview{some_backup(), some_database(), 1, 2, 3});
}
Result<OperationView> CheckedEngine::start_undo(const DatabaseId& id, std::string principal,
                                                const Intent& intent) {
  require_seed(intent);
  require_principal(principal);
  return known(id.value, ErrorCode::target_database_not_found, some_operation());
}

std::vector<OperationView> CheckedEngine::operations() const {
  return {some_operation()};
}
Result<OperationView> CheckedEngine::operation(const OperationId& id) const {
  return known(id.value, ErrorCode::operation_not_found, some_operation());
}
Result<OperationView> CheckedEngine::wait_operation(const OperationId& id,
                                                    std::chrono::milliseconds timeout,
                                                    std::stop_token) const {
  require(timeout.count() >= 0 && timeout <= std::chrono::seconds(limits::wait_seconds_max),
          "a wait is bounded");
  return operation(id);
}
Result<OperationView> CheckedEngine::cancel_operation(const OperationId& id) {
  return operation(id);
}
Result<OperationView> CheckedEngine::commit_operation(const OperationId& id) {
  return operation(id);
}
void CheckedEngine::set_bandwidth(std::uint64_t bytes_per_second) {
  require_rate(bytes_per_second);
}
Result<OperationView> CheckedEngine::set_operation_bandwidth(const OperationId& id,
                                                             std::uint64_t bytes_per_second) {
  require_rate(bytes_per_second);
  return operation(id);
}

}  // namespace restored::fuzz
