#include "simulated_disk/disk.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace restored::test {

std::vector<std::string_view> path_parts(std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (const auto part = path.substr(at, end - at); !part.empty() && part != ".")
      parts.push_back(part);
    at = end + 1;
  }
  return parts;
}

SimulatedDisk::SimulatedDisk(std::uint64_t capacity_bytes, const Clock& clock)
    : clock_(clock), capacity_pages_(capacity_bytes / page_bytes) {
  root_ = make_node(true);
  root_->names = 1;
}

void SimulatedDisk::freeze() {
  const std::lock_guard lock(mutex_);
  frozen_ = true;
}

void SimulatedDisk::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_pages_ = bytes / page_bytes;
}

int SimulatedDisk::begin(DiskCall call, const std::string& path) {
  return plan_.next(call, path).error;
}

NodePointer SimulatedDisk::make_node(bool directory) {
  auto node = std::make_shared<Node>(next_node_++, directory);
  stamp(*node);
  return node;
}

DiskResult<NodePointer> SimulatedDisk::find(const std::string& path) const {
  if (frozen_) return std::unexpected(EIO);
  NodePointer node = root_;
  for (const std::string_view part : path_parts(path)) {
    if (!node->directory) return std::unexpected(ENOTDIR);
    const auto entry = node->entries.find(std::string(part));
    if (entry == node->entries.end()) return std::unexpected(ENOENT);
    node = entry->second;
  }
  return node;
}

DiskResult<SimulatedDisk::Place> SimulatedDisk::place_of(const std::string& path) const {
  const auto parts = path_parts(path);
  if (parts.empty()) return std::unexpected(EEXIST);
  std::string parent;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) parent.append("/").append(parts[i]);
  auto directory = find(parent);
  if (!directory) return std::unexpected(directory.error());
  if (!(*directory)->directory) return std::unexpected(ENOTDIR);
  return Place{std::move(*directory), std::string(parts.back())};
}

NodeFacts SimulatedDisk::facts_of(std::string name, const Node& node) const {
  return {std::move(name),           node.directory, node.bytes.size(),
          node.modified_unix_millis, node.number,    node.names};
}

bool SimulatedDisk::has_room(std::uint64_t pages) const {
  return used_pages_ + pages <= capacity_pages_;
}

DiskResult<NodeFacts> SimulatedDisk::stat(const std::string& path) {
  if (const int error = begin(DiskCall::stat, path); error != 0) return std::unexpected(error);
  const std::lock_guard lock(mutex_);
  const auto node = find(path);
  if (!node) return std::unexpected(node.error());
  const auto parts = path_parts(path);
  return facts_of(parts.empty() ? "/" : std::string(parts.back()), **node);
}

DiskResult<std::vector<NodeFacts>> SimulatedDisk::list(const std::string& directory) {
  if (const int error = begin(DiskCall::list, directory); error != 0) return std::unexpected(error);
  const std::lock_guard lock(mutex_);
  const auto node = find(directory);
  if (!node) return std::unexpected(node.error());
  if (!(*node)->directory) return std::unexpected(ENOTDIR);
  std::vector<NodeFacts> found;
  for (const auto& [name, entry] : (*node)->entries) found.push_back(facts_of(name, *entry));
  return found;
}

DiskResult<std::pair<std::uint64_t, std::uint64_t>> SimulatedDisk::space(const std::string& path) {
  if (const int error = begin(DiskCall::space, path); error != 0) return std::unexpected(error);
  const std::lock_guard lock(mutex_);
  if (const auto node = find(path); !node) return std::unexpected(node.error());
  const std::uint64_t free = capacity_pages_ > used_pages_ ? capacity_pages_ - used_pages_ : 0;
  return std::pair{free * page_bytes, capacity_pages_ * page_bytes};
}

}  // namespace restored::test
