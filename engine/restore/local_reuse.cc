#include "restore/local_reuse.h"

#include <map>

#include "backup/file_facts.h"
#include "base/log.h"

namespace restored::restore {

std::vector<std::optional<std::string>> find_local_files(const format::Manifest& manifest,
                                                         const catalog::Database* target) {
  std::vector<std::optional<std::string>> found(manifest.files.size());
  if (target == nullptr) return found;
  Result<std::vector<catalog::LocalFile>> files = target->local_files();
  if (!files) {
    log::warning("restore", "local files are not reused: {}", files.error().message);
    return found;
  }
  std::map<format::SstIdentity, std::string> paths;
  for (catalog::LocalFile& file : *files) {
    paths.try_emplace(backup::identity_of(file.facts), std::move(file.path));
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    const format::SstIdentity& identity = manifest.files[i].identity;
    if (identity.db_id.empty() || identity.db_session_id.empty()) continue;
    if (const auto match = paths.find(identity); match != paths.end()) found[i] = match->second;
  }
  return found;
}

}  // namespace restored::restore
