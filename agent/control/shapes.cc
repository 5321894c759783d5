#include "control/shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/clock.h"
#include "control/answers.h"
#include "control/authentication.h"

namespace restored::control {
namespace {

namespace json = boost::json;

json::string words(std::string_view text) {
  return json::string(text);
}
std::string prefixed(std::string_view prefix, std::string_view id) {
  return fmt::format("{}{}", prefix, id);
}

template <class Tag>
json::value id_or_null(const Id<Tag>& id, std::string_view prefix = {}) {
  if (id.empty()) return nullptr;
  return json::value(prefixed(prefix, id.value));
}

json::value time_or_null(const std::optional<UnixMillis>& time) {
  if (!time) return nullptr;
  return json::value(iso8601(*time));
}

json::string url(const Call& call, std::string_view family, std::string_view id) {
  return words(absolute_url(call.request, fmt::format("/v1/{}/{}", family, id)));
}

std::string_view region_name(std::string_view id) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 6> names{{
      {"us-east-1", "US East (N. Virginia)"},
      {"us-west-1", "US West (N. California)"},
      {"eu-west-3", "EU West (Paris)"},
      {"eu-central-1", "EU Central (Frankfurt)"},
      {"ap-northeast-1", "Asia Pacific (Tokyo)"},
      {"ap-southeast-1", "Asia Pacific (Singapore)"},
  }};
  const auto* const found =
      std::find_if(names.begin(), names.end(), [&](const auto& row) { return row.first == id; });
  return found == names.end() ? id : found->second;
}

json::object project_object(const Call& call, const std::string& project) {
  const std::string id = prefixed("proj_", project);
  return {{"id", id}, {"url", url(call, "projects", id)}, {"name", project}};
}

json::array scopes_array(Scopes scopes) {
  json::array list;
  for (const Scope scope : {Scope::read, Scope::write, Scope::restore}) {
    const auto bit = static_cast<Scopes>(scope);
    if ((scopes & bit) != 0) list.push_back(words(scope_words(bit, "")));
  }
  return list;
}

json::array hooks_array(const std::vector<HookResult>& hooks) {
  json::array list;
  for (const HookResult& hook : hooks) {
    json::value status = nullptr;
    if (hook.exit_status) status = *hook.exit_status;
    list.push_back(json::object{{"event", words(name(hook.event))},
                                {"exitStatus", std::move(status)},
                                {"seconds", hook.seconds},
                                {"output", hook.output},
                                {"timedOut", hook.timed_out}});
  }
  return list;
}

json::object endpoint_object(const DataEndpoint& endpoint) {
  return {{"host", endpoint.host}, {"port", endpoint.port}};
}

}  // namespace

std::string connection_string(const DataEndpoint& endpoint, std::string_view user,
                              std::string_view password) {
  const bool ipv6 = endpoint.host.find(':') != std::string::npos;
  return fmt::format("redis://{}:{}@{}{}{}:{}", user, password, ipv6 ? "[" : "", endpoint.host,
                     ipv6 ? "]" : "", endpoint.port);
}

json::object source_object(const DatabaseSource& source) {
  if (const auto* backup = std::get_if<SourceBackup>(&source)) {
    return {{"type", "backup"},
            {"databaseId", prefixed("db_", backup->database.value)},
            {"backupId", backup->backup.value}};
  }
  if (const auto* database = std::get_if<SourceDatabase>(&source)) {
    return {{"type", "database"}, {"databaseId", prefixed("db_", database->database.value)}};
  }
  return {{"type", "empty"}};
}

json::object connection_object(const Call& call, const ConnectionInfo& info,
                               std::string_view database_name, const std::string* password) {
  const std::string id = prefixed("con_", info.id.value);
  const std::string database = prefixed("db_", info.database.value);
  json::object direct = endpoint_object(call.site.data);
  json::object object{{"id", id},
                      {"type", "connection"},
                      {"url", url(call, "connections", id)},
                      {"name", info.name},
                      {"createdAt", iso8601(info.created_at)},
                      {"kind", "redis"},
                      {"database", json::object{{"id", database},
                                                {"url", url(call, "databases", database)},
                                                {"name", words(database_name)}}}};
  if (password != nullptr) {
    direct["connectionString"] = connection_string(call.site.data, id, *password);
  }
  object["endpoints"] = json::object{{"direct", std::move(direct)}};
  return object;
}

json::object new_connection_object(const Call& call, const NewConnection& made,
                                   std::string_view database_name) {
  json::object object = connection_object(call, made.info, database_name, &made.password);
  const std::string user = prefixed("con_", made.info.id.value);
  object["connectionString"] = connection_string(call.site.data, user, made.password);
  object["host"] = call.site.data.host;
  object["user"] = user;
  object["pass"] = made.password;
  return object;
}

json::object database_object(const Call& call, const DatabaseInfo& info,
                             const NewConnection* secret) {
  json::array connections;
  for (const ConnectionInfo& connection : info.connections) {
    const bool made = secret != nullptr && secret->info.id == connection.id;
    connections.push_back(
        connection_object(call, connection, info.name, made ? &secret->password : nullptr));
  }
  json::value default_connection = nullptr;
  if (!info.connections.empty()) {
    default_connection = id_or_null(info.connections.front().id, "con_");
  }
  const std::string id = prefixed("db_", info.id.value);
  json::value logical_id = nullptr;
  if (!info.logical_id.empty()) logical_id = info.logical_id;
  return {{"id", id},
          {"type", "database"},
          {"url", url(call, "databases", id)},
          {"name", info.name},
          {"status", words(name(info.status))},
          {"createdAt", iso8601(info.created_at)},
          {"isDefault", info.is_default},
          {"defaultConnectionId", std::move(default_connection)},
          {"connections", std::move(connections)},
          {"project", project_object(call, info.project_id)},
          {"region", json::object{{"id", info.region}, {"name", words(region_name(info.region))}}},
          {"source", source_object(info.source)},
          {"branchId", nullptr},
          {"logicalId", std::move(logical_id)}};
}

json::object backup_object(const BackupInfo& info) {
  return {{"id", info.id.value},
          {"type", "backup"},
          {"backupType", info.incremental ? "incremental" : "full"},
          {"createdAt", iso8601(info.created_at)},
          {"size", info.stored_bytes},
          {"status", words(name(info.status))}};
}

json::object backup_details(const Call& call, const BackupInfo& info) {
  json::object object = backup_object(info);
  object["url"] = url(call, "backups", info.id.value);
  object["name"] = info.name;
  object["databaseId"] = id_or_null(info.database, "db_");
  object["databaseName"] = info.database_name;
  object["contentBytes"] = info.content_bytes;
  object["uploadedBytes"] = info.uploaded_bytes;
  object["files"] = info.files;
  object["entries"] = info.entries;
  object["operationId"] = info.operation ? id_or_null(*info.operation) : json::value(nullptr);
  object["scheduled"] = info.scheduled;
  object["error"] = info.error ? error_object(*info.error) : json::value(nullptr);
  return object;
}

json::object operation_object(const Call& call, const OperationView& view) {
  json::value eta = nullptr;
  if (view.eta_seconds) eta = *view.eta_seconds;
  json::value waiting = nullptr;
  if (!view.waiting_on.empty()) waiting = view.waiting_on;
  json::value tried = nullptr;
  if (view.waiting_attempts > 0) tried = view.waiting_attempts;
  json::value position = nullptr;
  if (view.queue_position) position = *view.queue_position;
  return {{"id", view.id.value},
          {"type", "operation"},
          {"url", url(call, "operations", view.id.value)},
          {"kind", words(name(view.kind))},
          {"status", words(name(view.state))},
          {"phase", words(name(view.phase))},
          {"databaseId", id_or_null(view.database, "db_")},
          {"sourceDatabaseId", id_or_null(view.source_database, "db_")},
          {"backupId", id_or_null(view.backup)},
          {"bytesDone", view.bytes_done},
          {"bytesTotal", view.bytes_total},
          {"bytesReused", view.bytes_reused},
          {"bytesTransferred", view.bytes_transferred},
          {"bytesPerSecond", view.bytes_per_second},
          {"filesDone", view.files_done},
          {"filesTotal", view.files_total},
          {"etaSeconds", std::move(eta)},
          {"attempts", view.attempts},
          {"waitingOn", std::move(waiting)},
          {"waitingSince", time_or_null(view.waiting_since)},
          {"waitAttempts", std::move(tried)},
          {"queuePosition", std::move(position)},
          {"heldUntil", time_or_null(view.held_until)},
          {"hooks", hooks_array(view.hooks)},
          {"bandwidthBytesPerSecond", view.bandwidth_bytes_per_second},
          {"error", view.error ? error_object(*view.error) : json::value(nullptr)},
          {"busySeconds", json::object{{"fetch", view.busy.fetch},
                                       {"decode", view.busy.decode},
                                       {"write", view.busy.write},
                                       {"encode", view.busy.encode},
                                       {"store", view.busy.store}}},
          {"peakMemoryBytes", view.peak_memory_bytes},
          {"swapPauseSeconds", view.swap_pause_seconds},
          {"mayCancel", view.may_cancel},
          {"principal", view.principal},
          {"createdAt", iso8601(view.created_at)},
          {"updatedAt", iso8601(view.updated_at)},
          {"endedAt", time_or_null(view.ended_at)}};
}

json::object token_object(const Call& call, const TokenInfo& info) {
  return {{"id", info.id.value},
          {"type", "token"},
          {"url", url(call, "tokens", info.id.value)},
          {"name", info.name},
          {"scopes", scopes_array(info.scopes)},
          {"createdAt", iso8601(info.created_at)}};
}

}  // namespace restored::control
