#include "data/random_key.h"

#include <algorithm>
#include <random>
#include <string_view>

#include "base/random.h"

namespace restored::data {
namespace {

constexpr std::uint64_t few_keys = 64;

// Goes down the tree of key bytes: at each branching it takes one of the branches at random,
// until few keys are left. RocksDB can seek but not count, and seeks are cheap.
class Descent {
 public:
  explicit Descent(View::Walk walk) : walk_(std::move(walk)), random_(random_u64()) {}

  Result<std::optional<std::string>> run() {
    std::string prefix;
    while (!pick_among_few(prefix)) {
      prefix = longest_shared(prefix);
      if (first_ == prefix && below(few_keys) == 0) {  // a key that others continue
        picked_ = first_;
        break;
      }
      descend(prefix);
    }
    RESTORED_TRY(walk_.status());
    return picked_;
  }

 private:
  std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(random_);
  }
  bool inside(std::string_view prefix) const {
    return walk_.valid() && walk_.key().starts_with(prefix);
  }

  // True when the keys with this prefix are few (or none): picked_ is one of them, each as likely.
  bool pick_among_few(const std::string& prefix) {
    walk_.seek(prefix);
    if (!inside(prefix)) return true;
    first_ = walk_.key();
    std::uint64_t seen = 0;
    std::optional<std::string> chosen;
    for (; inside(prefix); walk_.next()) {
      if (++seen > few_keys) return false;
      if (below(seen) == 0) chosen = walk_.key();
    }
    picked_ = std::move(chosen);
    return true;
  }

  // Whether some key with `prefix` stands behind all keys that begin with `longer`.
  bool any_behind(std::string longer, const std::string& prefix) {
    while (!longer.empty() && longer.back() == '\xff') longer.pop_back();
    if (longer.size() <= prefix.size()) return false;
    longer.back() = static_cast<char>(static_cast<unsigned char>(longer.back()) + 1);
    walk_.seek(longer);
    return inside(prefix);
  }

  // The longest prefix that all keys with `prefix` share; first_ is the smallest of them.
  std::string longest_shared(const std::string& prefix) {
    std::size_t shared = prefix.size();
    std::size_t beyond = first_.size() + 1;
    while (beyond - shared > 1) {
      const std::size_t middle = shared + (beyond - shared) / 2;
      if (any_behind(first_.substr(0, middle), prefix)) {
        beyond = middle;
      } else {
        shared = middle;
      }
    }
    return first_.substr(0, shared);
  }

  // Lengthens `prefix` by the next byte of one of its branches.
  void descend(std::string& prefix) {
    const auto byte_of = [&](std::string_view key) {
      return key.size() > prefix.size()
                 ? static_cast<unsigned>(static_cast<unsigned char>(key[prefix.size()]))
                 : 0u;
    };
    const unsigned lowest = byte_of(first_);
    unsigned highest = lowest;
    for (unsigned beyond = 256; beyond - highest > 1;) {
      const unsigned middle = highest + (beyond - highest) / 2;
      walk_.seek(prefix + static_cast<char>(middle));
      if (inside(prefix)) {
        highest = byte_of(walk_.key());
      } else {
        beyond = middle;
      }
    }
    const unsigned wanted = lowest + static_cast<unsigned>(below(highest - lowest + 1));
    walk_.seek(prefix + static_cast<char>(wanted));
    prefix.push_back(inside(prefix) ? static_cast<char>(byte_of(walk_.key()))
                                    : static_cast<char>(lowest));
  }

  View::Walk walk_;
  std::mt19937_64 random_;
  std::string first_;
  std::optional<std::string> picked_;
};

}  // namespace

Result<std::optional<std::string>> random_key(const View& view) {
  RESTORED_TRY(View::Walk walk, view.walk());
  return Descent(std::move(walk)).run();
}

}  // namespace restored::data
