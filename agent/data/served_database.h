// What all connections of one database share. Lives as long as one of them, or the server's list,
// refers to it.
//
// Threading: all members may be used from any thread at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "data/big_keys.h"
#include "data/key_locks.h"
#include "data/scan_cursors.h"
#include "data/watch_table.h"
#include "restored/ids.h"
#include "restored/keyspace.h"

namespace restored::data {

// Sums since the start, or CONFIG RESETSTAT.
struct Counters {
  std::atomic<std::uint64_t> commands{0};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> misses{0};
  std::atomic<std::uint64_t> errors{0};

  void reset() { commands = connections = hits = misses = errors = 0; }
};

struct ServedDatabase {
  ServedDatabase(DatabaseId database, std::shared_ptr<Keyspace> data)
      : id(std::move(database)), keyspace(std::move(data)) {}

  const DatabaseId id;
  // Shared, because the database may be deleted while a command still runs on it.
  const std::shared_ptr<Keyspace> keyspace;
  KeyLocks locks;
  WatchTable watches;
  ScanCursors cursors;
  BigKeys big_keys;
  Counters counters;
};

}  // namespace restored::data
