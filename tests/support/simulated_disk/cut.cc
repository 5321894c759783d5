// What is left of a disk after its power or its process is gone: another disk.
#include <unordered_map>
#include <utility>

#include "simulated_disk/disk.h"
#include "simulated_disk/random.h"

namespace restored::test {

// Makes each node once, however many names and changes lead to it.
class SimulatedDisk::Copier {
 public:
  Copier(SimulatedDisk& from, SimulatedDisk& to) : from_(from), to_(to) {}

  // Only what survives, and that is settled then.
  void cut(Survival survival, std::uint64_t seed, const Below& below) {
    survival_ = survival;
    below_ = &below;
    seed_ = seed;
    Choices choices(seed ^ 0x5eed);
    in_order_until_ =
        from_.changes_synced_ + choices.below(from_.next_change_ - from_.changes_synced_);
    surviving_of_eight_ = 1 + choices.below(7);
    to_.root_ = settled(from_.root_, "");
  }
  void keep_all() { to_.root_ = whole(from_.root_); }

 private:
  bool survives(std::uint64_t change) const {
    switch (survival_) {
      case Survival::nothing:
        return false;
      case Survival::everything:
        return true;
      case Survival::in_order:
        return change <= in_order_until_;
      case Survival::any:
        return Choices(seed_ ^ (change << 20U)).below(8) < surviving_of_eight_;
    }
    return false;
  }

  std::pair<NodePointer, bool> copy_of(const NodePointer& node) {
    auto [known, is_new] = copies_.try_emplace(node.get());
    if (is_new) {
      known->second = std::make_shared<Node>(node->number, node->directory);
      known->second->modified_unix_millis = node->modified_unix_millis;
    }
    return {known->second, is_new};
  }

  NodePointer settled(const NodePointer& node, const std::string& path) {
    const auto own_fate = below_->find(path);
    if (own_fate == below_->end()) return settled_here(node, path);
    const Survival around = std::exchange(survival_, own_fate->second);
    NodePointer copy = settled_here(node, path);
    survival_ = around;
    return copy;
  }

  NodePointer settled_here(const NodePointer& node, const std::string& path) {
    const auto [copy, is_new] = copy_of(node);
    ++copy->names;
    if (!is_new) return copy;
    if (!node->directory) {
      copy->bytes = node->bytes.after_cut(survival_, Choices(seed_ * 31 + (node->number << 24U)));
      to_.used_pages_ += copy->used_pages();
      return copy;
    }
    for (const auto& [name, entry] :
         node->names_after_cut([this](std::uint64_t change) { return survives(change); })) {
      copy->entries.emplace(name, settled(entry, path + "/" + name));
    }
    copy->synced_entries = copy->entries;
    return copy;
  }

  NodePointer whole(const NodePointer& node) {
    const auto [copy, is_new] = copy_of(node);
    if (!is_new) return copy;
    copy->names = node->names;
    copy->bytes = node->bytes.copy();
    if (node->names > 0) to_.used_pages_ += copy->used_pages();
    for (const auto& [name, entry] : node->entries) copy->entries.emplace(name, whole(entry));
    for (const auto& [name, entry] : node->synced_entries)
      copy->synced_entries.emplace(name, whole(entry));
    for (const NameChange& change : node->changes) {
      NameChange& added = copy->changes.emplace_back(change);
      if (change.removed_node) added.removed_node = whole(change.removed_node);
      if (change.added_node) added.added_node = whole(change.added_node);
      const auto other = change.other_half.lock();
      added.other_half = other ? whole(other) : nullptr;
    }
    return copy;
  }

  SimulatedDisk& from_;
  SimulatedDisk& to_;
  std::unordered_map<const Node*, NodePointer> copies_;
  Survival survival_ = Survival::everything;
  const Below* below_ = nullptr;
  std::uint64_t seed_ = 0;
  std::uint64_t in_order_until_ = 0;
  std::uint64_t surviving_of_eight_ = 0;
};

std::unique_ptr<SimulatedDisk> SimulatedDisk::power_cut(Survival survival, std::uint64_t seed,
                                                        const Below& below) {
  const std::lock_guard lock(mutex_);
  auto left = std::make_unique<SimulatedDisk>(capacity_pages_ * page_bytes, clock_);
  left->next_node_ = next_node_;
  Copier(*this, *left).cut(survival, seed, below);
  return left;
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::process_death() {
  const std::lock_guard lock(mutex_);
  auto left = std::make_unique<SimulatedDisk>(capacity_pages_ * page_bytes, clock_);
  left->next_node_ = next_node_;
  left->next_change_ = next_change_;
  left->changes_synced_ = changes_synced_;
  Copier(*this, *left).keep_all();
  return left;
}

}  // namespace restored::test
