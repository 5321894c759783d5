// The registry's records in memory: by id, with the index of secrets and the order of creation.
// Threading: that of a container.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "registry/records.h"
#include "registry/secret.h"

namespace restored::registry {

struct Records {
  std::map<std::string, StoredDatabase> databases;
  std::map<std::string, StoredConnection> connections;
  std::map<std::string, StoredToken> tokens;
  std::map<std::string, StoredOperation> operations;
  SecretIndex passwords;
  SecretIndex token_secrets;
  RegistryFacts facts;
  std::uint64_t next_order = 1;

  void put(StoredConnection stored) {
    passwords.add(stored.password, stored.info.id.value);
    std::string id = stored.info.id.value;
    connections.insert_or_assign(std::move(id), std::move(stored));
  }
  void remove_connection(const std::string& id) {
    const auto found = connections.find(id);
    if (found == connections.end()) return;
    passwords.remove(found->second.password);
    connections.erase(found);
  }
  void put(StoredToken stored) {
    token_secrets.add(stored.secret, stored.info.id.value);
    std::string id = stored.info.id.value;
    tokens.insert_or_assign(std::move(id), std::move(stored));
  }
};

// The values of a map, picked by `wanted`, in order of creation, each through `view`.
template <class Map, class Wanted, class View>
auto in_order(const Map& map, Wanted wanted, View view) {
  std::vector<const typename Map::mapped_type*> chosen;
  for (const auto& [id, stored] : map) {
    if (wanted(stored)) chosen.push_back(&stored);
  }
  std::sort(chosen.begin(), chosen.end(),
            [](const auto* left, const auto* right) { return left->order < right->order; });
  std::vector<std::decay_t<decltype(view(*chosen.front()))>> views;
  views.reserve(chosen.size());
  for (const auto* stored : chosen) views.push_back(view(*stored));
  return views;
}

inline constexpr auto all = [](const auto&) { return true; };

}  // namespace restored::registry
