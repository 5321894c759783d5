// What changes names: each change is seen at once, and waits in its directory for a sync.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "simulated_disk/disk.h"

namespace restored::test {
namespace {

bool holds(const NodePointer& directory, const NodePointer& searched) {
  if (directory == searched) return true;
  if (!directory->directory) return false;
  return std::ranges::any_of(directory->entries,
                             [&](const auto& entry) { return holds(entry.second, searched); });
}

}  // namespace

void SimulatedDisk::let_go(Node& node) {
  if (node.names == 0 && node.opens == 0) used_pages_ -= node.used_pages();
}

void SimulatedDisk::add_name(const Place& place, const NodePointer& node) {
  place.directory->entries[place.name] = node;
  ++node->names;
  NameChange change;
  change.number = next_change_++;
  change.added = place.name;
  change.added_node = node;
  place.directory->changes.push_back(std::move(change));
  stamp(*place.directory);
}

void SimulatedDisk::drop_name(const Place& place) {
  const auto entry = place.directory->entries.find(place.name);
  NameChange change;
  change.number = next_change_++;
  change.removed = place.name;
  change.removed_node = entry->second;
  place.directory->changes.push_back(std::move(change));
  const NodePointer node = entry->second;
  place.directory->entries.erase(entry);
  --node->names;
  let_go(*node);
  stamp(*place.directory);
}

DiskResult<std::unique_ptr<SimulatedDisk::Handle>> SimulatedDisk::open(const std::string& path,
                                                                       OpenMode mode) {
  if (const int error = begin(DiskCall::open, path); error != 0) return std::unexpected(error);
  if (mode != OpenMode::existing) {
    bool there = false;
    {
      const std::lock_guard lock(mutex_);
      there = find(path).has_value();
    }
    const int error = there ? 0 : begin(DiskCall::create, path);
    if (error != 0) return std::unexpected(error);
  }
  const std::lock_guard lock(mutex_);
  auto node = find(path);
  if (!node && (node.error() != ENOENT || mode == OpenMode::existing))
    return std::unexpected(node.error());
  if (node && mode == OpenMode::create_new) return std::unexpected(EEXIST);
  if (node && (*node)->directory) return std::unexpected(EISDIR);
  if (!node) {
    const auto place = place_of(path);
    if (!place) return std::unexpected(place.error());
    if (!has_room(1)) return std::unexpected(ENOSPC);
    node = make_node(false);
    add_name(*place, *node);
  }
  ++(*node)->opens;
  return std::make_unique<Handle>(*this, std::move(*node), path);
}

int SimulatedDisk::make_directory(const std::string& path) {
  if (const int error = begin(DiskCall::make_directory, path); error != 0) return error;
  const std::lock_guard lock(mutex_);
  if (const auto found = find(path); found || found.error() != ENOENT)
    return found ? EEXIST : found.error();
  const auto place = place_of(path);
  if (!place) return place.error();
  if (!has_room(1)) return ENOSPC;
  add_name(*place, make_node(true));
  return 0;
}

int SimulatedDisk::link(const std::string& existing, const std::string& added) {
  if (const int error = begin(DiskCall::link, added); error != 0) return error;
  const std::lock_guard lock(mutex_);
  const auto node = find(existing);
  if (!node) return node.error();
  if ((*node)->directory) return EPERM;
  if (find(added)) return EEXIST;
  const auto place = place_of(added);
  if (!place) return place.error();
  if (!has_room(1)) return ENOSPC;
  add_name(*place, *node);
  return 0;
}

int SimulatedDisk::rename(const std::string& from, const std::string& to) {
  if (const int error = begin(DiskCall::rename, to); error != 0) return error;
  const std::lock_guard lock(mutex_);
  const auto found = find(from);
  if (!found) return found.error();
  const NodePointer node = *found;
  const auto source = place_of(from);
  const auto target = place_of(to);
  if (!source || !target) return source ? target.error() : source.error();
  if (node->directory && holds(node, target->directory)) return EINVAL;
  NodePointer replaced;
  if (const auto old = find(to)) {
    if (*old == node) return 0;
    if ((*old)->directory != node->directory) return node->directory ? ENOTDIR : EISDIR;
    if (!(*old)->entries.empty()) return ENOTEMPTY;
    replaced = *old;
  }
  NameChange change;
  change.number = next_change_++;
  change.added = target->name;
  change.added_node = node;
  if (source->directory == target->directory) {
    change.removed = source->name;
    change.removed_node = node;
  } else {
    NameChange half;
    half.number = change.number;
    half.removed = source->name;
    half.removed_node = node;
    half.follows = true;
    source->directory->changes.push_back(std::move(half));
    change.other_half = source->directory;
  }
  target->directory->changes.push_back(std::move(change));
  source->directory->entries.erase(source->name);
  target->directory->entries[target->name] = node;
  if (replaced) {
    --replaced->names;
    let_go(*replaced);
  }
  stamp(*source->directory);
  stamp(*target->directory);
  return 0;
}

int SimulatedDisk::remove(const std::string& path, bool directory) {
  if (const int error = begin(DiskCall::remove, path); error != 0) return error;
  const std::lock_guard lock(mutex_);
  const auto node = find(path);
  if (!node) return node.error();
  if (directory && !(*node)->directory) return ENOTDIR;
  if (!directory && (*node)->directory) return EISDIR;
  if (!(*node)->entries.empty()) return ENOTEMPTY;
  const auto place = place_of(path);
  if (!place) return EBUSY;
  drop_name(*place);
  return 0;
}

int SimulatedDisk::remove_file(const std::string& path) {
  return remove(path, false);
}
int SimulatedDisk::remove_directory(const std::string& path) {
  return remove(path, true);
}

int SimulatedDisk::sync_directory(const std::string& path) {
  const DiskPlan::Verdict verdict = plan_.next(DiskCall::sync_directory, path);
  if (verdict.error != 0) return verdict.error;
  const std::lock_guard lock(mutex_);
  const auto node = find(path);
  if (!node) return node.error();
  if (!(*node)->directory) return ENOTDIR;
  if (verdict.ignored) return 0;
  (*node)->sync_names();
  changes_synced_ = next_change_ - 1;
  return 0;
}

int SimulatedDisk::lock(const std::string& path) {
  if (const int error = begin(DiskCall::lock, path); error != 0) return error;
  const std::lock_guard lock(mutex_);
  if (!find(path)) {
    const auto place = place_of(path);
    if (!place) return place.error();
    add_name(*place, make_node(false));
  }
  return locks_.insert(path).second ? 0 : EWOULDBLOCK;
}

void SimulatedDisk::unlock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  locks_.erase(path);
}

}  // namespace restored::test
