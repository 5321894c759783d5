// The registry's records as JSON text, one a key. Each carries "version", so that an older agent
// refuses what it does not understand, and "order", which numbers the records by creation.
// Pure functions. Errors of decode_*: corruption, unsupported_format; both name the key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "registry/registry.h"
#include "registry/secret.h"

namespace restored::registry {

inline constexpr std::uint64_t record_version = 1;
// Of an operation that holds before its swap and is not committed: an agent that knows no holds
// would swap. All other operations have record_version.
inline constexpr std::uint64_t held_operation_version = 2;
inline constexpr Scopes all_scopes = 7;  // the bits of Scope

// Keys are a prefix and an id.
inline constexpr std::string_view database_prefix = "database/";
inline constexpr std::string_view connection_prefix = "connection/";
inline constexpr std::string_view token_prefix = "token/";
inline constexpr std::string_view operation_prefix = "operation/";
inline constexpr std::string_view usage_prefix = "usage/";
inline constexpr std::string_view facts_key = "registry";

struct StoredDatabase {
  DatabaseRecord record;
  std::uint64_t order = 0;
};
struct StoredConnection {
  ConnectionInfo info;
  Digest password{};
  std::uint64_t order = 0;
};
struct StoredToken {
  TokenInfo info;
  Digest secret{};
  std::uint64_t order = 0;
};
struct StoredOperation {
  OperationRecord record;
  std::uint64_t order = 0;
};
// The commands of one day, under usage_key().
struct StoredUsage {
  DatabaseId database;
  std::uint32_t day = 0;
  std::uint64_t commands = 0;
};
// What holds for the registry as a whole.
struct RegistryFacts {
  bool had_a_token = false;
};

std::string encode(const StoredDatabase& stored);
std::string encode(const StoredConnection& stored);
std::string encode(const StoredToken& stored);
std::string encode(const StoredOperation& stored);
std::string encode(const StoredUsage& stored);
std::string encode(const RegistryFacts& facts);
std::string usage_key(std::string_view database, std::uint32_t day);

Result<StoredDatabase> decode_database(std::string_view key, std::string_view text);
Result<StoredConnection> decode_connection(std::string_view key, std::string_view text);
Result<StoredToken> decode_token(std::string_view key, std::string_view text);
Result<StoredOperation> decode_operation(std::string_view key, std::string_view text);
// Whether a record that decode_operation() refuses is at least known to be of one that has ended.
bool is_ended_operation(std::string_view key, std::string_view text);
Result<StoredUsage> decode_usage(std::string_view key, std::string_view text);
Result<RegistryFacts> decode_facts(std::string_view key, std::string_view text);

}  // namespace restored::registry
