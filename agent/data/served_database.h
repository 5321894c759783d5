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
#include "restored/engine.h"
#include "restored/ids.h"
#include "restored/keyspace.h"

namespace restored::data {

// Sums since the start, or CONFIG RESETSTAT; of commands both, for they are told as usage, too.
struct Counters {
  std::atomic<std::uint64_t> commands{0};
  std::atomic<std::uint64_t> commands_at_reset{0};
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> hits{0};
  std::atomic<std::uint64_t> misses{0};
  std::atomic<std::uint64_t> errors{0};

  void reset() {
    commands_at_reset = commands.load();
    connections = hits = misses = errors = 0;
  }
};

struct ServedDatabase {
  ServedDatabase(Engine& the_engine, DatabaseId database, std::shared_ptr<Keyspace> data)
      : id(std::move(database)), keyspace(std::move(data)), engine(the_engine) {}
  ~ServedDatabase() { report(); }
  ServedDatabase(const ServedDatabase&) = delete;
  ServedDatabase& operator=(const ServedDatabase&) = delete;

  // Tells the engine what was counted since the last time.
  void report() {
    const std::uint64_t commands = counters.commands.load(std::memory_order_relaxed);
    std::uint64_t before = reported.load();
    while (before < commands && !reported.compare_exchange_weak(before, commands)) {
    }
    if (before < commands) engine.count_commands(id, commands - before);
  }

  const DatabaseId id;
  // Shared, because the database may be deleted while a command still runs on it.
  const std::shared_ptr<Keyspace> keyspace;
  KeyLocks locks;
  WatchTable watches;
  ScanCursors cursors;
  BigKeys big_keys;
  Counters counters;
  Engine& engine;
  std::atomic<std::uint64_t> reported{0};  // of counters.commands
};

}  // namespace restored::data
