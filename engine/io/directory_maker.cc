#include "io/directory_maker.h"

#include <cerrno>

#include "io/errno_error.h"

namespace restored::io {

bool DirectoryMaker::is_durable(const std::string& path, const Identity& identity) {
  const MutexLock lock(mutex_);
  const auto known = durable_.find(path);
  return known != durable_.end() && known->second == identity;
}

void DirectoryMaker::note_durable(const std::string& path, const Identity& identity) {
  const MutexLock lock(mutex_);
  if (durable_.size() >= names_max) durable_.clear();
  durable_[path] = identity;
}

Result<void> DirectoryMaker::make(const std::string& path) {
  const std::string parent = parent_directory(path);
  if (parent == path) return {};  // "/" and "." need no name
  auto entry = files_.stat(path);
  const bool found = entry.has_value();
  if (!found && entry.error().code != ErrorCode::file_not_found)
    return std::unexpected(std::move(entry).error());
  if (!found) {
    RESTORED_TRY(make(parent));
    const int error = calls_.make(path);
    // Somebody may have been first, and may not have synced it yet.
    if (error != 0 && error != EEXIST) return fail_errno(error, "mkdir", path);
    entry = files_.stat(path);
    RESTORED_TRY(entry);
  }
  if (!entry->directory) return fail_errno(EEXIST, "mkdir", path);
  const Identity identity{entry->device, entry->inode};
  if (found && is_durable(path, identity)) return {};
  if (found) {
    const auto above = files_.stat(parent);
    // Where another file system is mounted: the directory is as old as the host.
    if (above && above->device != entry->device) return {};
    RESTORED_TRY(make(parent));
  }
  const Result<void> synced = calls_.sync_name(path);
  // Whoever may not read a directory has made nothing in it, and cannot sync it.
  if (!synced && !(found && synced.error().code == ErrorCode::permission_denied)) return synced;
  note_durable(path, identity);
  return {};
}

}  // namespace restored::io
