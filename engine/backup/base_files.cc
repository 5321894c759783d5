#include "backup/base_files.h"

#include <algorithm>
#include <map>

#include "backup/file_facts.h"
#include "base/log.h"

namespace restored::backup {
namespace {

bool fatal(const Error& error) {
  return error.code == ErrorCode::cancelled || error.code == ErrorCode::object_store_unavailable;
}

}  // namespace

Result<std::vector<std::optional<StoredFile>>> find_stored(
    const Repository& repository, std::span<const BackupId> bases,
    std::span<const catalog::FileFacts> files, const std::set<format::ContentId>& damaged,
    const StoreCall& call) {
  std::vector<std::optional<StoredFile>> found(files.size());
  // A file without an identity of its own is never taken for another one.
  std::map<format::SstIdentity, std::size_t> wanted;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!files[i].db_id.empty() && !files[i].db_session_id.empty()) {
      wanted.emplace(identity_of(files[i]), i);
    }
  }
  for (const BackupId& base : bases) {
    if (wanted.empty()) break;
    Result<LoadedBackup> loaded = repository.load(base, call);
    if (!loaded) {
      if (fatal(loaded.error())) return std::unexpected(loaded.error());
      log::info("backup", "base={} is not used: {}", base.value, loaded.error().message);
      continue;
    }
    // What is sealed with another key, or not at all, must not become part of a sealed backup.
    if (loaded->key != repository.data_key()) continue;
    for (const format::ManifestFile& file : loaded->manifest.files) {
      const auto match = wanted.find(file.identity);
      if (match == wanted.end() || damaged.contains(file.content)) continue;
      const auto begin = loaded->frames.begin() + static_cast<std::ptrdiff_t>(file.frames_begin);
      found[match->second] =
          StoredFile{file.content, {begin, begin + static_cast<std::ptrdiff_t>(file.frames_count)}};
      wanted.erase(match);
    }
  }
  return found;
}

}  // namespace restored::backup
