// A connection as commands see it, and the server behind it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "data/client_list.h"
#include "data/key_locks.h"
#include "data/reply.h"
#include "data/served_database.h"
#include "data/server.h"
#include "data/watch_table.h"
#include "data/workers.h"
#include "restored/engine.h"

namespace restored::data {

inline constexpr std::string_view redis_version = "7.0.15";  // whose replies these are

// Threading: all members may be used from any thread at once.
struct ServerState {
  ServerState(Engine& the_engine, DataOptions the_options);

  Engine& engine;
  const DataOptions options;
  const Clock& clock;
  const UnixMillis started_at;
  const std::string run_id;  // 40 hexadecimal digits, new at each start
  std::uint16_t port = 0;    // set before the first connection
  ClientList clients;
  std::stop_source stopping;  // long commands end early
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> commands{0};

  // Null when the database is gone.
  std::shared_ptr<ServedDatabase> serve(const DatabaseId& id);
  // Reports what was counted, and drops what only the list still refers to of deleted databases.
  void sweep();
  void forget_all();

  // Last: its threads use the rest.
  std::unique_ptr<Workers> workers;

 private:
  Mutex mutex_;
  std::unordered_map<DatabaseId, std::shared_ptr<ServedDatabase>> databases_ GUARDED_BY(mutex_);
};

struct QueuedCommand {
  const CommandSpec* spec;
  std::vector<std::string> arguments;
};

// Threading: one thread at a time: the serving thread, or the worker that runs a command of it
// while the serving thread waits.
struct Client {
  Client(ServerState& state, std::shared_ptr<ClientRecord> the_record)
      : server(state),
        record(std::move(the_record)),
        reply(state.options.output_buffer_bytes_max) {}

  ServerState& server;
  const std::shared_ptr<ClientRecord> record;
  std::shared_ptr<ServedDatabase> database;  // null: not authenticated
  ConnectionId connection;
  Reply reply;
  bool closing = false;  // after what is replied was sent

  bool in_transaction = false;
  bool transaction_broken = false;  // a command was refused while queueing
  std::vector<QueuedCommand> queue;
  std::size_t queue_bytes = 0;

  Watch watch;  // after database: cleared before its table can go
  KeyLocks::Hold hold;

  // What a transaction may still hold: its queue and the keys that it watches share one bound.
  std::size_t transaction_bytes_left() const {
    const std::size_t used = queue_bytes + watch.bytes();
    const std::size_t most = server.options.input_buffer_bytes_max;
    return most - std::min(most, used);
  }
  bool authenticated() const { return database != nullptr; }
  // Forgets the queue and what was watched.
  void end_transaction();
  // Moves to the database of the credential. False: it is gone.
  bool enter(const Credential& credential);
  void leave();  // back to not authenticated
};

}  // namespace restored::data
