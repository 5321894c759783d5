#include "control/second_shapes.h"

#include <boost/json.hpp>

#include "restored/limits.h"

namespace restored::control {
namespace {

namespace json = boost::json;

// That contract's accounts: there is one here, the host's administrator.
constexpr std::string_view customer = "admin";

json::string words(std::string_view text) {
  return json::string(text);
}

std::int64_t unix_seconds(UnixMillis time) {
  return time / 1000;
}

// Empty when idle; clients only ask whether it is. A new database is provisioning while a restore
// or a clone brings its content.
std::string_view modifying_state(const DatabaseInfo& info) {
  const bool restoring =
      info.status == DatabaseStatus::recovering || info.status == DatabaseStatus::provisioning;
  return restoring ? "restoring" : "";
}

std::string_view state(BackupStatus status) {
  switch (status) {
    case BackupStatus::running:
      return "pending";
    case BackupStatus::completed:
      return "completed";
    case BackupStatus::failed:
    case BackupStatus::unknown:
      break;
  }
  return "failed";
}

}  // namespace

json::object second_database_object(const Call& call, const DatabaseInfo& info,
                                    const std::string* password) {
  const json::array members{words(info.region)};
  json::object object{{"database_id", info.id.value},
                      {"database_name", info.name},
                      {"region", "global"},
                      {"port", call.site.data.port},
                      {"creation_time", unix_seconds(info.created_at)},
                      {"state", info.status == DatabaseStatus::failure ? "suspended" : "active"},
                      {"endpoint", call.site.data.host},
                      {"tls", false},
                      {"type", "payg"},
                      {"budget", 0},
                      {"primary_region", info.region},
                      {"primary_members", members},
                      {"all_members", members},
                      {"read_regions", json::array()},
                      {"eviction", false},
                      {"auto_upgrade", false},
                      {"consistent", true},
                      {"modifying_state", words(modifying_state(info))},
                      {"daily_backup_enabled", info.daily_backup},
                      {"customer_id", words(customer)},
                      {"db_type", "rocksdb"},
                      {"db_max_clients", limits::clients_max_default},
                      {"db_max_entry_size", limits::value_bytes_max_default},
                      {"db_max_request_size", limits::value_bytes_max_default},
                      {"db_max_commands_per_second", 0},
                      {"db_daily_bandwidth_limit", 0},
                      {"db_disk_threshold", 0},
                      {"db_memory_threshold", 0},
                      {"db_acl_enabled", "false"},
                      {"prometheus_enabled", "false"}};
  if (password != nullptr) object["password"] = *password;
  return object;
}

json::object second_backup_object(const BackupInfo& info) {
  return {{"database_id", info.database.value},
          {"customer_id", words(customer)},
          {"name", info.name},
          {"backup_id", info.id.value},
          {"creation_time", unix_seconds(info.created_at)},
          {"state", words(state(info.status))},
          {"backup_size", info.stored_bytes},
          {"daily_backup", info.scheduled ? "true" : "false"},
          {"hourly_backup", "false"},
          {"internal_backup_tag", ""}};
}

}  // namespace restored::control
