#include "simulated_disk/node.h"

#include <algorithm>
#include <set>
#include <utility>

namespace restored::test {
namespace {

void change_names(const NameChange& change, Names& names) {
  // Not when another file has the name meanwhile, because a later change survived without this one.
  if (const auto found = names.find(change.removed);
      !change.removed.empty() && found != names.end() && found->second == change.removed_node)
    names.erase(found);
  if (!change.added.empty()) names[change.added] = change.added_node;
}

}  // namespace

void Node::sync_names() {
  std::vector<NameChange> kept;
  for (NameChange& change : changes) {
    if (change.follows) {
      kept.push_back(std::move(change));
      continue;
    }
    change_names(change, synced_entries);
    const auto other = change.other_half.lock();
    if (!other) continue;
    const auto half = std::ranges::find_if(other->changes, [&](const NameChange& candidate) {
      return candidate.follows && candidate.number == change.number;
    });
    if (half == other->changes.end()) continue;
    change_names(*half, other->synced_entries);
    other->changes.erase(half);
  }
  changes = std::move(kept);
}

Names Node::names_after_cut(const std::function<bool(std::uint64_t number)>& survives) const {
  Names left = synced_entries;
  std::set<const Node*> left_behind;
  for (const NameChange& change : changes) {
    const Node* const node =
        change.added.empty() ? change.removed_node.get() : change.added_node.get();
    if (left_behind.contains(node) || !survives(change.number)) {
      left_behind.insert(node);
    } else {
      change_names(change, left);
    }
  }
  return left;
}

}  // namespace restored::test
