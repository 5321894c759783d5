#include "base/object_versions.h"

namespace restored {

std::string ObjectVersions::expected(std::string_view key) const {
  const MutexLock lock(mutex_);
  const auto found = versions_.find(std::string(key));
  return found == versions_.end() ? std::string() : found->second;
}

bool ObjectVersions::note(std::string_view key, std::string_view version) {
  const MutexLock lock(mutex_);
  return versions_.try_emplace(std::string(key), version).first->second == version;
}

void ObjectVersions::forget(std::string_view key) {
  const MutexLock lock(mutex_);
  versions_.erase(std::string(key));
}

}  // namespace restored
