#include "registry/records.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <limits>
#include <utility>

#include "registry/json_fields.h"

namespace restored::registry {
namespace {

namespace json = boost::json;

std::optional<DatabaseStatus> database_status(std::string_view text) {
  for (const DatabaseStatus status : {DatabaseStatus::provisioning, DatabaseStatus::ready,
                                      DatabaseStatus::recovering, DatabaseStatus::failure}) {
    if (name(status) == text) return status;
  }
  return std::nullopt;
}

json::string words(std::string_view text) {
  return json::string(text);
}

template <class Value>
json::value or_null(const std::optional<Value>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

// Members that say nothing are left out: so records of before there were such members read the
// same.
void write_source(json::object& object, const DatabaseSource& source) {
  if (const auto* backup = std::get_if<SourceBackup>(&source)) {
    object["sourceDatabase"] = backup->database.value;
    object["sourceBackup"] = backup->backup.value;
  } else if (const auto* database = std::get_if<SourceDatabase>(&source)) {
    object["sourceDatabase"] = database->database.value;
  }
}

DatabaseSource read_source(Fields& fields) {
  const std::optional<std::string> database = fields.optional_text("sourceDatabase");
  const std::optional<std::string> backup = fields.optional_text("sourceBackup");
  if (backup) return SourceBackup{DatabaseId(database.value_or("")), BackupId(*backup)};
  if (database) return SourceDatabase{DatabaseId(*database)};
  return SourceEmpty{};
}

void write_busy(json::object& object, const StageSeconds& busy) {
  object["busyFetch"] = busy.fetch;
  object["busyDecode"] = busy.decode;
  object["busyWrite"] = busy.write;
  object["busyEncode"] = busy.encode;
  object["busyStore"] = busy.store;
}

void read_busy(Fields& fields, StageSeconds& busy) {
  busy.fetch = fields.number("busyFetch");
  busy.decode = fields.number("busyDecode");
  busy.write = fields.number("busyWrite");
  busy.encode = fields.number("busyEncode");
  busy.store = fields.number("busyStore");
}

json::array hooks_array(const std::vector<HookResult>& hooks) {
  json::array list;
  for (const HookResult& hook : hooks) {
    list.push_back(json::object{{"event", words(name(hook.event))},
                                {"exitStatus", or_null(hook.exit_status)},
                                {"seconds", hook.seconds},
                                {"output", hook.output},
                                {"timedOut", hook.timed_out}});
  }
  return list;
}

std::vector<HookResult> read_hooks(Fields& fields) {
  std::vector<HookResult> hooks;
  // Records of before there were hooks have none.
  for (Fields& one : fields.optional_list("hooks")) {
    HookResult hook;
    hook.event = one.word("event", hook_event);
    if (const auto status = one.optional_count("exitStatus")) {
      if (*status > 255) one.wrong("exitStatus");
      hook.exit_status = static_cast<int>(*status & 255);
    }
    hook.seconds = one.number("seconds");
    hook.output = one.text("output");
    hook.timed_out = one.flag("timedOut");
    if (!one.status()) fields.wrong("hooks");
    hooks.push_back(std::move(hook));
  }
  return hooks;
}

Digest read_digest(Fields& fields) {
  return fields.word("sha256", [](std::string_view text) { return digest_from(text); });
}

}  // namespace

std::string encode(const StoredDatabase& stored) {
  const DatabaseRecord& record = stored.record;
  json::object object{{"id", record.id.value},
                      {"name", record.name},
                      {"projectId", record.project_id},
                      {"region", record.region},
                      {"logicalId", record.logical_id},
                      {"isDefault", record.is_default},
                      {"status", words(name(record.status))},
                      {"failure", to_json(record.failure)},
                      {"createdAt", record.created_at}};
  write_source(object, record.source);
  if (record.daily_backup) object["dailyBackup"] = *record.daily_backup;
  if (record.schedule_settled) object["scheduleSettled"] = *record.schedule_settled;
  return record_text(std::move(object), stored.order);
}

Result<StoredDatabase> decode_database(std::string_view key, std::string_view text) {
  RESTORED_TRY(Fields fields, Fields::parse(key, text));
  StoredDatabase stored;
  DatabaseRecord& record = stored.record;
  record.id = DatabaseId(fields.text("id"));
  record.name = fields.text("name");
  record.project_id = fields.text("projectId");
  record.region = fields.text("region");
  // Records of before there were logical ids have none.
  record.logical_id = fields.optional_text("logicalId").value_or("");
  record.is_default = fields.flag("isDefault");
  record.status = fields.word("status", database_status);
  record.failure = fields.optional_error("failure");
  record.created_at = fields.time("createdAt");
  record.source = read_source(fields);
  record.daily_backup = fields.optional_flag("dailyBackup");
  record.schedule_settled = fields.optional_time("scheduleSettled");
  stored.order = fields.count("order");
  RESTORED_TRY(fields.status());
  return stored;
}

std::string encode(const StoredConnection& stored) {
  return record_text({{"id", stored.info.id.value},
                      {"database", stored.info.database.value},
                      {"name", stored.info.name},
                      {"createdAt", stored.info.created_at},
                      {"sha256", to_text(stored.password)}},
                     stored.order);
}

Result<StoredConnection> decode_connection(std::string_view key, std::string_view text) {
  RESTORED_TRY(Fields fields, Fields::parse(key, text));
  StoredConnection stored;
  stored.info.id = ConnectionId(fields.text("id"));
  stored.info.database = DatabaseId(fields.text("database"));
  stored.info.name = fields.text("name");
  stored.info.created_at = fields.time("createdAt");
  stored.password = read_digest(fields);
  stored.order = fields.count("order");
  RESTORED_TRY(fields.status());
  return stored;
}

std::string encode(const StoredToken& stored) {
  return record_text({{"id", stored.info.id.value},
                      {"name", stored.info.name},
                      {"scopes", stored.info.scopes},
                      {"createdAt", stored.info.created_at},
                      {"sha256", to_text(stored.secret)}},
                     stored.order);
}

Result<StoredToken> decode_token(std::string_view key, std::string_view text) {
  RESTORED_TRY(Fields fields, Fields::parse(key, text));
  StoredToken stored;
  stored.info.id = TokenId(fields.text("id"));
  stored.info.name = fields.text("name");
  const std::uint64_t scopes = fields.count("scopes");
  if (scopes > all_scopes) fields.wrong("scopes");
  stored.info.scopes = static_cast<Scopes>(scopes & all_scopes);
  stored.info.created_at = fields.time("createdAt");
  stored.secret = read_digest(fields);
  stored.order = fields.count("order");
  RESTORED_TRY(fields.status());
  return stored;
}

std::string encode(const StoredOperation& stored) {
  const OperationRecord& record = stored.record;
  const OperationView& view = record.view;
  json::object object{{"id", view.id.value},
                      {"kind", words(name(view.kind))},
                      {"state", words(name(view.state))},
                      {"phase", words(name(view.phase))},
                      {"database", view.database.value},
                      {"sourceDatabase", view.source_database.value},
                      {"backup", view.backup.value},
                      {"backupName", record.backup_name},
                      {"cancelAsked", record.cancel_asked},
                      {"hold", record.hold},
                      {"committed", record.committed},
                      {"heldUntil", or_null(view.held_until)},
                      {"hooks", hooks_array(view.hooks)},
                      {"bytesDone", view.bytes_done},
                      {"bytesTotal", view.bytes_total},
                      {"bytesReused", view.bytes_reused},
                      {"bytesTransferred", view.bytes_transferred},
                      {"filesDone", view.files_done},
                      {"filesTotal", view.files_total},
                      {"bytesPerSecond", view.bytes_per_second},
                      {"etaSeconds", or_null(view.eta_seconds)},
                      {"attempts", view.attempts},
                      {"error", to_json(view.error)},
                      {"waitingOn", view.waiting_on},
                      {"bandwidthBytesPerSecond", view.bandwidth_bytes_per_second},
                      {"peakMemoryBytes", view.peak_memory_bytes},
                      {"swapPauseSeconds", view.swap_pause_seconds},
                      {"mayCancel", view.may_cancel},
                      {"principal", view.principal},
                      {"createdAt", view.created_at},
                      {"updatedAt", view.updated_at},
                      {"endedAt", or_null(view.ended_at)}};
  write_busy(object, view.busy);
  const bool held = view.state == OperationState::running && record.hold && !record.committed;
  return record_text(std::move(object), stored.order,
                     held ? held_operation_version : record_version);
}

Result<StoredOperation> decode_operation(std::string_view key, std::string_view text) {
  RESTORED_TRY(Fields fields, Fields::parse(key, text, held_operation_version));
  StoredOperation stored;
  OperationView& view = stored.record.view;
  view.id = OperationId(fields.text("id"));
  view.kind = fields.word("kind", operation_kind);
  view.state = fields.word("state", operation_state);
  view.phase = fields.word("phase", phase);
  view.database = DatabaseId(fields.text("database"));
  view.source_database = DatabaseId(fields.text("sourceDatabase"));
  view.backup = BackupId(fields.text("backup"));
  stored.record.backup_name = fields.text("backupName");
  // Records of before it was kept have none.
  stored.record.cancel_asked = fields.optional_flag("cancelAsked").value_or(false);
  stored.record.hold = fields.optional_flag("hold").value_or(false);
  stored.record.committed = fields.optional_flag("committed").value_or(false);
  view.held_until = fields.optional_time("heldUntil");
  view.hooks = read_hooks(fields);
  view.bytes_done = fields.count("bytesDone");
  view.bytes_total = fields.count("bytesTotal");
  view.bytes_reused = fields.count("bytesReused");
  view.bytes_transferred = fields.count("bytesTransferred");
  view.files_done = fields.count("filesDone");
  view.files_total = fields.count("filesTotal");
  view.bytes_per_second = fields.number("bytesPerSecond");
  view.eta_seconds = fields.optional_number("etaSeconds");
  view.attempts = static_cast<std::uint32_t>(fields.count("attempts"));
  view.error = fields.optional_error("error");
  view.waiting_on = fields.text("waitingOn");
  // Records of before this limit existed have none.
  view.bandwidth_bytes_per_second = fields.optional_count("bandwidthBytesPerSecond").value_or(0);
  view.peak_memory_bytes = fields.count("peakMemoryBytes");
  view.swap_pause_seconds = fields.number("swapPauseSeconds");
  view.may_cancel = fields.flag("mayCancel");
  view.principal = fields.text("principal");
  view.created_at = fields.time("createdAt");
  view.updated_at = fields.time("updatedAt");
  view.ended_at = fields.optional_time("endedAt");
  read_busy(fields, view.busy);
  stored.order = fields.count("order");
  RESTORED_TRY(fields.status());
  return stored;
}

bool is_ended_operation(std::string_view key, std::string_view text) {
  Result<Fields> fields = Fields::parse(key, text, held_operation_version);
  if (!fields) return false;
  const OperationState state = fields->word("state", operation_state);
  return fields->status() && state != OperationState::running;
}

std::string usage_key(std::string_view database, std::uint32_t day) {
  return fmt::format("{}{}/{:010}", usage_prefix, database, day);
}

std::string encode(const StoredUsage& stored) {
  return record_text(
      {{"database", stored.database.value}, {"day", stored.day}, {"commands", stored.commands}}, 0);
}

Result<StoredUsage> decode_usage(std::string_view key, std::string_view text) {
  RESTORED_TRY(Fields fields, Fields::parse(key, text));
  StoredUsage stored;
  stored.database = DatabaseId(fields.text("database"));
  const std::uint64_t day = fields.count("day");
  if (day > std::numeric_limits<std::uint32_t>::max()) fields.wrong("day");
  stored.day = static_cast<std::uint32_t>(day);
  stored.commands = fields.count("commands");
  RESTORED_TRY(fields.status());
  return stored;
}

std::string encode(const RegistryFacts& facts) {
  return record_text({{"hadAToken", facts.had_a_token}}, 0);
}

Result<RegistryFacts> decode_facts(std::string_view key, std::string_view text) {
  RESTORED_TRY(Fields fields, Fields::parse(key, text));
  RegistryFacts facts;
  facts.had_a_token = fields.flag("hadAToken");
  RESTORED_TRY(fields.status());
  return facts;
}

}  // namespace restored::registry
