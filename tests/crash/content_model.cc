#include "content_model.h"

#include <algorithm>
#include <set>

namespace restored::crash_test {
namespace {

std::string shown(const Content& content, const std::string& key) {
  const auto found = content.find(key);
  // A value begins with what names it.
  return found == content.end() ? "nothing" : found->second.substr(0, 40);
}

std::vector<std::string> keys_that_differ(const Content& left, const Content& right) {
  std::set<std::string> keys;
  for (const auto& [key, value] : left) keys.insert(key);
  for (const auto& [key, value] : right) keys.insert(key);
  std::vector<std::string> differing;
  for (const std::string& key : keys) {
    const auto a = left.find(key);
    const auto b = right.find(key);
    if (a == left.end() || b == right.end() || a->second != b->second) differing.push_back(key);
  }
  return differing;
}

}  // namespace

Content part_of(const Content& content, std::size_t writer) {
  Content part;
  const std::string prefix = prefix_of(writer);
  for (auto at = content.lower_bound(prefix); at != content.end() && at->first.starts_with(prefix);
       ++at) {
    part.insert(*at);
  }
  return part;
}

bool remove_ballast(Content& content) {
  bool whole = true;
  std::erase_if(content, [&whole](const auto& entry) {
    if (!entry.first.starts_with(ballast_prefix)) return false;
    if (!entry.second.starts_with(entry.first + " ")) whole = false;
    return true;
  });
  return whole;
}

void apply(Content& content, const Transaction& transaction) {
  for (const auto& [key, value] : transaction) {
    if (value) {
      content[key] = *value;
    } else {
      content.erase(key);
    }
  }
}

bool Shard::may_be_empty() const {
  return acknowledged_.empty() &&
         std::ranges::any_of(bases_, [](const Content& base) { return base.empty(); });
}

std::vector<Content> Shard::possible(std::size_t from,
                                     const std::optional<Transaction>& unanswered) const {
  std::set<Content> found;
  for (const Content& base : bases_) {
    Content content = base;
    if (from == 0) found.insert(content);
    for (std::size_t i = 0; i < acknowledged_.size(); ++i) {
      apply(content, acknowledged_[i]);
      if (i + 1 >= from) found.insert(content);
    }
    if (unanswered) {
      apply(content, *unanswered);
      found.insert(content);
    }
  }
  return {found.begin(), found.end()};
}

std::vector<Content> Shard::explaining(const Content& content,
                                       const std::optional<Transaction>& unanswered) const {
  std::vector<Content> found;
  for (const Content& base : bases_) {
    Content expected = base;
    for (const Transaction& transaction : acknowledged_) apply(expected, transaction);
    bool explains = expected == content;
    if (unanswered) {
      apply(expected, *unanswered);
      explains = explains || expected == content;
    }
    if (explains) found.push_back(base);
  }
  return found;
}

std::string difference(const Content& content, const std::vector<Content>& candidates) {
  std::vector<std::string> fewest;
  const Content* nearest = nullptr;
  for (const Content& candidate : candidates) {
    std::vector<std::string> keys = keys_that_differ(content, candidate);
    if (nearest != nullptr && keys.size() >= fewest.size()) continue;
    fewest = std::move(keys);
    nearest = &candidate;
  }
  if (nearest == nullptr) return "no content is possible";
  std::string text = std::to_string(fewest.size()) + " keys differ from the nearest of " +
                     std::to_string(candidates.size()) + " possible contents;";
  for (std::size_t i = 0; i < std::min<std::size_t>(fewest.size(), 4); ++i) {
    text += " " + fewest[i] + " is " + shown(content, fewest[i]) + ", not " +
            shown(*nearest, fewest[i]) + ";";
  }
  return text;
}

}  // namespace restored::crash_test
