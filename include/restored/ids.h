// Identifiers as distinct types, so that one cannot be passed for another.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace restored {

// An opaque identifier: a short printable string without '/'. Empty means "none".
template <class Tag>
struct Id {
  std::string value;

  Id() = default;
  explicit Id(std::string text) : value(std::move(text)) {}
  bool empty() const { return value.empty(); }
  friend auto operator<=>(const Id&, const Id&) = default;
};

using DatabaseId = Id<struct DatabaseTag>;      // 24 of [a-z0-9], begins with a letter
using BackupId = Id<struct BackupTag>;          // globally unique, opaque
using OperationId = Id<struct OperationTag>;    // one attempt, unique for ever
using ConnectionId = Id<struct ConnectionTag>;  // without the con_ prefix
using TokenId = Id<struct TokenTag>;

// Number of one complete content of a database: column family data-<n>. Grows, never reused.
using GenerationNumber = std::uint64_t;

}  // namespace restored

template <class Tag>
struct std::hash<restored::Id<Tag>> {
  std::size_t operator()(const restored::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value);
  }
};
