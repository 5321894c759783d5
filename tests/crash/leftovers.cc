#include "leftovers.h"

#include <rocksdb/db.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "support/wait_until.h"

namespace restored::crash_test {
namespace {

namespace fs = std::filesystem;

void look_at_column_families(const std::string& directory, const Generations& generations,
                             std::vector<std::string>& found) {
  std::vector<std::string> expected = {"default", "data-" + std::to_string(generations.live)};
  if (generations.previous) expected.push_back("data-" + std::to_string(*generations.previous));
  const std::vector<std::string> names = column_families_of(directory);
  if (names.empty()) found.push_back("no database can be read in " + directory);
  for (const std::string& name : names) {
    if (std::ranges::find(expected, name) == expected.end())
      found.push_back("column family " + name + " in " + directory);
  }
  // The previous one may have had its time; what is live stays.
  if (!names.empty() && std::ranges::find(names, expected[1]) == names.end())
    found.push_back("no column family " + expected[1] + " in " + directory);
}

std::vector<std::string> look_at_state(const std::string& state, const Expected& expected) {
  std::vector<std::string> found;
  const std::set<std::string> own = {"lock", "repository", "registry", "databases", "admin.token"};
  for (const auto& entry : fs::directory_iterator(state)) {
    if (!own.contains(entry.path().filename().string())) found.push_back(entry.path().string());
  }
  for (const auto& entry : fs::directory_iterator(state + "/databases")) {
    if (!expected.databases.contains(entry.path().filename().string()))
      found.push_back("the directory of no database, " + entry.path().string());
  }
  for (const auto& [id, generations] : expected.databases) {
    const std::string directory = state + "/databases/" + id;
    look_at_column_families(directory, generations, found);
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(directory + "/staging", none))
      found.push_back("staging " + entry.path().string());
  }
  return found;
}

void shift(const fs::path& path, std::chrono::seconds age) {
  std::error_code gone;
  fs::last_write_time(path, fs::file_time_type::clock::now() - age, gone);
}

}  // namespace

std::vector<std::string> column_families_of(const std::string& directory) {
  std::vector<std::string> names;
  const auto listed = rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), directory, &names);
  if (!listed.ok()) names.clear();
  return names;
}

std::vector<std::string> stray_state(const std::string& state, const Expected& expected) {
  std::vector<std::string> found;
  test::wait_until(
      [&] {
        try {
          found = look_at_state(state, expected);
        } catch (const fs::filesystem_error& changing) {
          found = {changing.what()};
        }
        return found.empty();
      },
      std::chrono::seconds(10));
  return found;
}

std::vector<std::string> stray_documents(const std::string& repository, const Expected& expected) {
  std::vector<std::string> found;
  const auto backup = [&](const std::string& id, const std::string& what) {
    if (expected.left_documents.contains(id)) return;
    if (!fs::exists(repository + "/backups/" + id + "/manifest"))
      found.push_back(what + " of a backup without a manifest");
  };
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(repository + "/backups", none)) {
    if (!fs::is_empty(entry.path()))
      backup(entry.path().filename().string(), entry.path().string());
  }
  for (const auto& entry : fs::recursive_directory_iterator(repository + "/databases", none)) {
    if (entry.is_regular_file()) backup(entry.path().filename().string(), entry.path().string());
  }
  return found;
}

std::vector<std::string> stray_files(const std::string& repository) {
  std::vector<std::string> found = stray_documents(repository, {});
  for (const auto& entry : fs::recursive_directory_iterator(repository)) {
    if (!entry.is_regular_file()) continue;
    const std::string path = entry.path().string().substr(repository.size() + 1);
    const bool known = path == "repository.json" || path.starts_with("objects/") ||
                       path.starts_with("backups/") || path.starts_with("databases/");
    if (!known || path.ends_with(".tmp")) found.push_back(entry.path().string());
  }
  return found;
}

void grow_old(const std::string& repository) {
  for (const auto& entry : fs::recursive_directory_iterator(repository)) {
    if (entry.is_regular_file()) shift(entry.path(), std::chrono::days(8));
  }
}

void grow_stale_marks(const std::string& repository) {
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(repository + "/collections", none)) {
    if (entry.is_regular_file()) shift(entry.path(), std::chrono::minutes(11));
  }
}

}  // namespace restored::crash_test
