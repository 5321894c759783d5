#include "data/client.h"

#include <utility>

#include "base/hex.h"
#include "base/random.h"

namespace restored::data {
namespace {

constexpr unsigned workers_default = 4;

std::string make_run_id() {
  std::string id;
  while (id.size() < 40) {
    const std::uint64_t word = random_u64();
    id += to_hex(std::string_view(reinterpret_cast<const char*>(&word), sizeof(word)));
  }
  return id;
}

}  // namespace

ServerState::ServerState(Engine& the_engine, DataOptions the_options)
    : engine(the_engine),
      options(std::move(the_options)),
      clock(*options.clock),
      started_at(clock.wall()),
      run_id(make_run_id()),
      workers(std::make_unique<Workers>(options.workers == 0 ? workers_default : options.workers)) {
}

std::shared_ptr<ServedDatabase> ServerState::serve(const DatabaseId& id) {
  std::shared_ptr<Keyspace> keyspace = engine.keyspace(id);
  const MutexLock lock(mutex_);
  if (!keyspace) {
    databases_.erase(id);
    return nullptr;
  }
  std::shared_ptr<ServedDatabase>& served = databases_[id];
  if (!served || served->keyspace != keyspace) {
    served = std::make_shared<ServedDatabase>(engine, id, std::move(keyspace));
  }
  return served;
}

// Outside the lock: what is served tells the engine of its commands when it goes.
void ServerState::sweep() {
  std::vector<std::shared_ptr<ServedDatabase>> known;
  {
    const MutexLock lock(mutex_);
    for (const auto& [id, served] : databases_) known.push_back(served);
  }
  for (const std::shared_ptr<ServedDatabase>& served : known) {
    served->report();
    if (engine.keyspace(served->id)) continue;
    const MutexLock lock(mutex_);
    databases_.erase(served->id);
  }
}

void ServerState::forget_all() {
  std::unordered_map<DatabaseId, std::shared_ptr<ServedDatabase>> known;
  const MutexLock lock(mutex_);
  known.swap(databases_);
}

void Client::end_transaction() {
  in_transaction = false;
  transaction_broken = false;
  queue.clear();
  queue_bytes = 0;
  watch.clear();
  record->queued = -1;
  record->queued_bytes = 0;
}

bool Client::enter(const Credential& credential) {
  std::shared_ptr<ServedDatabase> served = server.serve(credential.database);
  if (!served) return false;
  if (database != served) {
    // What was watched belongs to the other database: its transaction cannot be kept.
    const bool watched = watch.active();
    watch.clear();
    if (watched) watch.spoil();
    database = std::move(served);
    database->counters.connections.fetch_add(1, std::memory_order_relaxed);
  }
  connection = credential.connection;
  const MutexLock lock(record->mutex);
  record->database = database->id;
  return true;
}

void Client::leave() {
  watch.clear();
  database.reset();
  connection = {};
  const MutexLock lock(record->mutex);
  record->database = {};
}

}  // namespace restored::data
