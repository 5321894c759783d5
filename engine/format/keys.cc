#include <algorithm>

#include "base/check.h"
#include "format/manifest.h"

namespace restored::format {
namespace {

constexpr std::size_t id_bytes_max = 128;

std::string checked(const std::string& id) {
  RESTORED_CHECK(valid_id(id), "keys are made of ids that were looked at");
  return id;
}

}  // namespace

bool valid_id(std::string_view id) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= id_bytes_max && id.front() != '.' &&
         std::ranges::all_of(id, allowed);
}

std::string manifest_key(const BackupId& backup) {
  return "backups/" + checked(backup.value) + "/manifest";
}

std::string frames_key(const BackupId& backup) {
  return "backups/" + checked(backup.value) + "/frames";
}

std::string summary_key(const DatabaseId& database, const BackupId& backup) {
  return summary_prefix(database) + checked(backup.value);
}

std::string summary_prefix(const DatabaseId& database) {
  return "databases/" + checked(database.value) + '/';
}

}  // namespace restored::format
