#include "registry/request_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <limits>
#include <utility>

#include "registry/json_fields.h"

namespace restored::registry {

namespace json = boost::json;

std::string encode(const StoredRequest& stored) {
  json::object object{{"fingerprint", stored.fingerprint},
                      {"salt", stored.salt},
                      {"createdAt", stored.created_at},
                      {"done", stored.answer.has_value()},
                      {"answer", stored.answer.value_or("")}};
  return record_text(std::move(object), 0);
}

Result<StoredRequest> decode_request(std::string_view key, std::string_view text) {
  RESTORED_TRY(Fields fields, Fields::parse(key, text));
  StoredRequest stored;
  stored.fingerprint = fields.text("fingerprint");
  stored.salt = fields.text("salt");
  stored.created_at = fields.time("createdAt");
  std::string answer = fields.text("answer");
  if (fields.flag("done")) stored.answer = std::move(answer);
  RESTORED_TRY(fields.status());
  return stored;
}

std::string encode(const AuditEntry& entry) {
  json::object object{{"event", name(entry.event)},
                      {"at", entry.at},
                      {"endedAt", entry.ended_at},
                      {"recordedAt", entry.recorded_at},
                      {"requestId", entry.request_id},
                      {"principal", entry.principal},
                      {"token", entry.token.value},
                      {"peer", entry.peer},
                      {"method", entry.method},
                      {"path", entry.path},
                      {"database", entry.database.value},
                      {"sourceDatabase", entry.source_database.value},
                      {"backup", entry.backup.value},
                      {"operation", entry.operation.value},
                      {"subject", entry.subject},
                      {"status", entry.status},
                      {"outcome", entry.outcome},
                      {"reason", entry.reason},
                      {"code", entry.code},
                      {"replayed", entry.replayed},
                      {"unrecorded", entry.unrecorded}};
  return record_text(std::move(object), entry.sequence);
}

Result<AuditEntry> decode_audit(std::string_view key, std::string_view text) {
  RESTORED_TRY(Fields fields, Fields::parse(key, text));
  AuditEntry entry;
  entry.sequence = fields.count("order");
  entry.event = fields.word("event", audit_event);
  entry.at = fields.time("at");
  entry.ended_at = fields.time("endedAt");
  entry.recorded_at = fields.time("recordedAt");
  entry.request_id = fields.text("requestId");
  entry.principal = fields.text("principal");
  entry.token = TokenId(fields.text("token"));
  entry.peer = fields.text("peer");
  entry.method = fields.text("method");
  entry.path = fields.text("path");
  entry.database = DatabaseId(fields.text("database"));
  entry.source_database = DatabaseId(fields.text("sourceDatabase"));
  entry.backup = BackupId(fields.text("backup"));
  entry.operation = OperationId(fields.text("operation"));
  entry.subject = fields.text("subject");
  const std::uint64_t status = fields.count("status");
  if (status > 999) fields.wrong("status");
  entry.status = static_cast<int>(status % 1000);
  entry.outcome = fields.text("outcome");
  entry.reason = fields.optional_text("reason").value_or("");
  entry.code = fields.text("code");
  entry.replayed = fields.flag("replayed");
  entry.unrecorded = fields.count("unrecorded");
  RESTORED_TRY(fields.status());
  return entry;
}

AuditEntry audit_entry(const OperationView& ended) {
  AuditEntry entry;
  entry.event = AuditEvent::operation_end;
  entry.at = ended.created_at;
  entry.ended_at = ended.ended_at.value_or(0);
  // "token:ci uid=0 pid=123": who it was, and at the other end of which socket.
  const std::string& who = ended.principal;
  std::size_t peer = who.size();
  for (const char* begin : {" uid=", " peer="}) {
    const std::size_t found = who.rfind(begin);
    if (found != std::string::npos && (peer == who.size() || found > peer)) peer = found;
  }
  entry.principal = who.substr(0, peer);
  if (peer < who.size()) entry.peer = who.substr(peer + 1);
  entry.database = ended.database;
  entry.source_database = ended.source_database;
  entry.backup = ended.backup;
  entry.operation = ended.id;
  entry.outcome = std::string(name(ended.state));
  if (ended.error) entry.code = std::string(facts(ended.error->code).wire);
  return entry;
}

UnixMillis moment_of(const AuditEntry& entry) {
  return entry.event == AuditEvent::operation_end ? entry.ended_at : entry.at;
}

std::string audit_key(std::string_view prefix, std::uint64_t sequence) {
  return fmt::format("{}{:020}", prefix, sequence);
}

std::optional<std::uint64_t> audit_sequence(std::string_view prefix, std::string_view key) {
  if (!key.starts_with(prefix)) return std::nullopt;
  key.remove_prefix(prefix.size());
  std::uint64_t sequence = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), sequence);
  if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return sequence;
}

}  // namespace restored::registry
