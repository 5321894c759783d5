// A file or directory of the simulated disk. A directory knows its names as programs see them, as
// they are on the device, and the changes between the two, in order.
// Threading: none; the disk's lock protects all nodes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulated_disk/file_bytes.h"

namespace restored::test {

struct Node;
using NodePointer = std::shared_ptr<Node>;
using Names = std::map<std::string, NodePointer>;

// One change of names: a creation adds, a removal removes, a rename does both at once. The halves
// of a rename between directories have one number; what becomes of them is decided where it adds.
struct NameChange {
  std::uint64_t number = 0;
  std::string removed;  // empty: nothing
  NodePointer removed_node;
  std::string added;  // empty: nothing
  NodePointer added_node;
  std::weak_ptr<Node> other_half;  // of the adding half: the directory that it is removed from
  bool follows = false;            // the removing half
};

struct Node {
  explicit Node(std::uint64_t node_number, bool is_directory)
      : number(node_number), directory(is_directory) {}

  const std::uint64_t number;
  const bool directory;
  std::int64_t modified_unix_millis = 0;
  std::uint64_t names = 0;  // that programs see
  std::uint64_t opens = 0;
  FileBytes bytes;

  Names entries;
  Names synced_entries;
  std::vector<NameChange> changes;

  std::uint64_t used_pages() const { return bytes.pages(); }
  void sync_names();
  // As they are after a power loss. Of the changes of one file's names only the newest are lost: no
  // file system keeps a rename and not the creation before it.
  Names names_after_cut(const std::function<bool(std::uint64_t number)>& survives) const;
};

}  // namespace restored::test
