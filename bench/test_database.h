// The database that a bench restores: seeded content, its backup, other content in its place, and
// a hash that tells them apart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "restored/engine.h"
#include "restored/error.h"

namespace restored::bench {

struct Content {
  std::uint64_t bytes = 0;  // of values
  std::uint64_t value_bytes = 4096;
  double compressible = 0.5;
};

Result<void> fill(Keyspace& keyspace, const Content& content);

// Puts other, smaller content into its place, so that nothing of the backup's files is left in the
// database: a restore then fetches everything. Waits until the old files are gone from
// `state_directory`.
Result<void> replace_content(Keyspace& keyspace, const std::string& state_directory);

struct ContentHash {
  std::string hex;  // over all keys and values, in order, but for those of a ClientProbe
  std::uint64_t records = 0;
};
Result<ContentHash> content_hash(const Keyspace& keyspace);

// Waits for its end. Errors: its own.
Result<OperationView> wait_for(Engine& engine, const OperationId& id);

}  // namespace restored::bench
