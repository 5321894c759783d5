#include "control/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/clock.h"
#include "base/utf8.h"
#include "control/answers.h"
#include "control/handlers.h"
#include "control/query.h"
#include "control/request_body.h"
#include "restored/limits.h"

namespace restored::control {
namespace {

namespace json = boost::json;

constexpr std::size_t text_bytes_max = 256;

std::string member(const json::value& value, std::string_view name) {
  const json::object* object = value.if_object();
  const json::value* found = object == nullptr ? nullptr : object->if_contains(name);
  if (found == nullptr || !found->is_string()) return {};
  return std::string(found->get_string());
}

const json::value& inner(const json::value& value, std::string_view name) {
  static const json::value none;
  const json::object* object = value.if_object();
  const json::value* found = object == nullptr ? nullptr : object->if_contains(name);
  return found == nullptr ? none : *found;
}

template <class Found>
void fill(std::string& into, const std::optional<Found>& id) {
  if (into.empty() && id) into = id->value;
}

void read_path(const Call& call, AuditEntry& entry) {
  for (const auto& [name, value] : call.parameters) {
    if (name == "id") fill(entry.database.value, database_id(value));
    if (name == "backup") fill(entry.backup.value, backup_id(value));
    if (name == "operation") fill(entry.operation.value, operation_id(value));
    if (name == "connection") fill(entry.subject, connection_id(value));
    if (name == "token") fill(entry.subject, token_id(value));
  }
}

void read_body(const Call& call, AuditEntry& entry) {
  const Result<json::object> body = parse_optional_body(call.request.body);
  if (!body) return;
  const json::value value(*body);
  fill(entry.database.value, database_id(member(value, "databaseId")));
  fill(entry.backup.value, backup_id(member(value, "backup_id")));
  const json::value& source = inner(value, "source");
  fill(entry.source_database.value, database_id(member(source, "databaseId")));
  fill(entry.backup.value, backup_id(member(source, "backupId")));
}

// What an answer made: a database, a backup, a connection, a token.
void read_made(const Response& response, AuditEntry& entry) {
  boost::system::error_code error;
  const json::value body = json::parse(response.body, error);
  if (error) return;
  fill(entry.database.value, database_id(member(body, "database_id")));
  const json::value& data = inner(body, "data");
  const std::string type = member(data, "type");
  const std::string id = member(data, "id");
  if (type == "database") fill(entry.database.value, database_id(id));
  if (type == "backup") fill(entry.backup.value, backup_id(id));
  if (type == "token") fill(entry.subject, token_id(id));
  if (type == "connection") {
    fill(entry.subject, connection_id(id));
    fill(entry.database.value, database_id(member(inner(data, "database"), "id")));
  }
}

// The operation that was begun knows best, and what was asked for may not say it.
void read_operation(const Call& call, const Response& response, AuditEntry& entry) {
  constexpr std::string_view path = "/v1/operations/";
  for (const auto& [name, value] : response.headers) {
    if (name != "Operation-Location" || !value.starts_with(path)) continue;
    entry.operation = OperationId(value.substr(path.size()));
  }
  if (entry.operation.empty()) return;
  const Result<OperationView> view = call.engine().operation(entry.operation);
  if (!view) return;
  if (entry.database.empty()) entry.database = view->database;
  if (entry.source_database.empty()) entry.source_database = view->source_database;
  if (entry.backup.empty()) entry.backup = view->backup;
}

json::value or_null(const std::string& text, std::string_view prefix = "") {
  if (text.empty()) return nullptr;
  return json::value(fmt::format("{}{}", prefix, text));
}

json::object entry_object(const AuditEntry& entry) {
  json::value status = nullptr;
  json::value ended_at = nullptr;
  if (entry.status != 0) status = entry.status;
  if (entry.ended_at != 0) ended_at = iso8601(entry.ended_at);
  return {{"id", fmt::format("{}", entry.sequence)},
          {"type", "audit-entry"},
          {"event", name(entry.event)},
          {"at", iso8601(entry.at)},
          {"endedAt", std::move(ended_at)},
          {"requestId", or_null(entry.request_id)},
          {"principal", or_null(entry.principal)},
          {"tokenId", or_null(entry.token.value)},
          {"peer", or_null(entry.peer)},
          {"method", or_null(entry.method)},
          {"path", or_null(entry.path)},
          {"databaseId", or_null(entry.database.value, "db_")},
          {"sourceDatabaseId", or_null(entry.source_database.value, "db_")},
          {"backupId", or_null(entry.backup.value)},
          {"operationId", or_null(entry.operation.value)},
          {"subjectId", or_null(entry.subject)},
          {"status", std::move(status)},
          {"outcome", or_null(entry.outcome)},
          {"reason", or_null(entry.reason)},
          {"errorCode", or_null(entry.code)},
          {"replayed", entry.replayed},
          {"unrecorded", entry.unrecorded}};
}

}  // namespace

AuditEntry audit_entry(const Call& call, const Response& response) {
  AuditEntry entry;
  entry.ended_at = system_clock().wall();
  entry.request_id = call.request.id;
  if (!call.token.id.empty()) {
    entry.principal = printable("token:" + call.token.name, text_bytes_max);
    entry.token = call.token.id;
  }
  entry.peer = call.request.peer;
  entry.method = printable(call.request.method, 32);
  entry.path = printable(call.request.path, text_bytes_max);
  entry.status = response.status;
  if (response.error) entry.code = std::string(facts(*response.error).wire);
  read_path(call, entry);
  if (call.token.id.empty()) return entry;
  read_body(call, entry);
  if (response.status < 300) read_made(response, entry);
  read_operation(call, response, entry);
  return entry;
}

Result<Response> list_audit(const Call& call) {
  const std::string_view query = call.request.query;
  RESTORED_TRY(const PageRequest page_asked,
               page_request(query, limits::list_limit_default, limits::list_limit_max));
  AuditQuery wanted;
  wanted.limit = page_asked.limit;
  if (page_asked.after) {
    // A number where the other lists have a time: entries of one moment differ by it.
    wanted.before =
        static_cast<std::uint64_t>(std::max<UnixMillis>(page_asked.after->created_at, 1));
  }
  if (const auto since = query_value(query, "since")) {
    const std::optional<UnixMillis> time = query_time(*since);
    if (!time) {
      return fail(ErrorCode::invalid_value, "since must be a time, like 2026-11-22T00:00:00Z");
    }
    wanted.since = *time;
  }
  if (const auto principal = query_value(query, "principal")) wanted.principal = *principal;
  if (const auto database = query_value(query, "databaseId")) {
    const std::optional<DatabaseId> id = database_id(*database);
    // A filter, not a path: of an unknown database there are no entries.
    if (!id) return page_answer({}, std::nullopt);
    wanted.database = *id;
  }
  RESTORED_TRY(const AuditPage page, call.engine().requests().audit(wanted));
  json::array items;
  for (const AuditEntry& entry : page.entries) items.push_back(entry_object(entry));
  std::optional<std::string> next;
  if (page.next_before != 0) {
    next = cursor_text(Position{static_cast<UnixMillis>(page.next_before), "audit"});
  }
  return page_answer(std::move(items), next);
}

}  // namespace restored::control
