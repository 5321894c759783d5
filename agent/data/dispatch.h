// Runs requests: finds the command, checks what Redis checks in Redis' order, takes locks and
// permit, calls the handler, commits. The one place that knows locks, permits and pins.
#pragma once

#include <functional>
#include <memory>

#include "data/client.h"
#include "data/command.h"
#include "data/key_locks.h"

namespace restored::data {

enum class Pause : std::uint8_t {
  none,    // the request was answered
  worker,  // run it again on a worker
  lock,    // run it again when the lock may be free
  gate,    // run it again when the database is writable
};

struct Outcome {
  Pause pause = Pause::none;
  KeyLocks::Blocked blocked = {};  // with Pause::lock
};

// Answers one request into client.reply, or says what it has to wait for; nothing has happened
// then and nothing is held but, after Pause::lock, a claim in client.hold. Never blocks, except on
// the storage.
// REQUIRES: after Pause::worker the same request is run on a worker, to its end.
Outcome run_request(Client& client, Arguments request, bool on_worker);

// Calls `resume` once, from any thread, when it is worth running the paused request again.
// REQUIRES: outcome is Pause::lock or Pause::gate.
void when_runnable(Client& client, const Outcome& outcome, std::function<void()> resume);

// Runs the request to its end on the calling thread, which may block.
void run_blocking(Client& client, Arguments request);

// EXEC, for dispatch.cc; see exec.cc.
Outcome run_exec(Client& client, bool on_worker);

// After a write is visible: raises the flags of the watchers of its keys.
void note_written(ServedDatabase& database, const WriteSet& changes);

// Whether a call belongs on a worker whatever its locks say.
bool needs_worker(const Client& client, const CommandSpec& spec, Arguments arguments);

// Pause::worker. A request may turn out to be big only when it runs again after it waited for a
// lock: the claim that it has by then is given up, for the workers that come first may wait for
// just that, and none would be left to end it.
Outcome to_worker(Client& client);

}  // namespace restored::data
