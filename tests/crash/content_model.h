// What the keys of one writer may hold. A writer's keys are its own, its transactions come one
// after the other, and each value is unique: so a content is that of the beginning with the first n
// transactions applied, and n can be told from it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace restored::crash_test {

using Content = std::map<std::string, std::string>;

inline constexpr std::size_t writers_count = 2;  // of one database

// The keys of a writer begin with this.
inline std::string prefix_of(std::size_t writer) {
  return std::string(1, static_cast<char>('a' + writer)) + ":";
}
Content part_of(const Content& content, std::size_t writer);

// Keys of no writer, which only make a database large: each value begins with its key.
inline constexpr std::string_view ballast_prefix = "z:";
// Takes them out. Whether each one was whole.
bool remove_ballast(Content& content);

// Nothing: the key is deleted.
using Transaction = std::vector<std::pair<std::string, std::optional<std::string>>>;
void apply(Content& content, const Transaction& transaction);

class Shard {
 public:
  Shard() : bases_{Content()} {}
  // What it began with is one of these.
  explicit Shard(std::vector<Content> bases) : bases_(std::move(bases)) {}

  void acknowledge(Transaction transaction) { acknowledged_.push_back(std::move(transaction)); }
  void move_acknowledged_to(Shard& other) { other.acknowledged_.swap(acknowledged_); }
  std::size_t acknowledged() const { return acknowledged_.size(); }
  const std::vector<Content>& bases() const { return bases_; }
  bool may_be_empty() const;

  // The contents after the first `from` acknowledged transactions, or more of them, and after
  // `unanswered`, which comes after all others if it comes at all.
  std::vector<Content> possible(std::size_t from,
                                const std::optional<Transaction>& unanswered) const;
  // Those of its beginnings that explain `content`, with all that was acknowledged.
  std::vector<Content> explaining(const Content& content,
                                  const std::optional<Transaction>& unanswered) const;

 private:
  std::vector<Content> bases_;
  std::vector<Transaction> acknowledged_;
};

// The first difference between `content` and the candidate that is nearest to it, for people.
std::string difference(const Content& content, const std::vector<Content>& candidates);

}  // namespace restored::crash_test
