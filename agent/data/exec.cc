// EXEC: runs the queue against one pinned generation, with its own changes on top, and commits
// them as one write. The exclusive lock keeps every other writer of the database out meanwhile.
// The permit is taken only for the write: when a swap came in between, everything is run again.
#include <optional>
#include <vector>

#include "data/dispatch.h"

namespace restored::data {
namespace {

enum class Commit : std::uint8_t { done, again, failed };

// All that one attempt produces; dropped as a whole when the attempt does not count.
class Attempt {
 public:
  explicit Attempt(Client& client)
      : client_(client),
        database_(client.database),
        pin_(database_->keyspace->pin()),
        view_(*pin_, client.server.clock.wall(), true) {}

  bool watched_keys_changed() const { return client_.watch.dirty_at(view_.now(), pin_->number()); }

  // False: the changes are more than a transaction may hold. Short commands make long values
  // (SETRANGE, COPY), so the bound of the queue alone is none.
  bool run_queue() {
    const std::size_t bytes_max = client_.server.options.input_buffer_bytes_max;
    client_.reply.array(client_.queue.size());
    for (const QueuedCommand& queued : client_.queue) {
      const std::vector<std::string_view> arguments(queued.arguments.begin(),
                                                    queued.arguments.end());
      Call call{client_, *queued.spec, arguments, client_.reply,
                &view_,  view_.now(),  true,      &after_};
      queued.spec->handler(call);
      if (view_.overlaid_bytes() > bytes_max) return false;
    }
    return true;
  }

  Commit commit(Error& error) {
    if (!view_.changed()) return Commit::done;
    return view_.flushed() ? replace(error) : write(error);
  }

  void run_after() {
    for (const auto& action : after_) action();
  }

 private:
  Commit write(Error& error) {
    const WritePermit permit = database_->keyspace->try_begin_write();
    if (!permit || permit.generation().number() != pin_->number()) return Commit::again;
    const WriteSet changes = view_.take_changes();
    const auto written =
        database_->keyspace->write(permit, changes, client_.server.options.durability);
    if (!written) {
      error = written.error();
      return Commit::failed;
    }
    note_written(*database_, changes);
    return Commit::done;
  }

  // A transaction with FLUSHALL: a swap to what is left after it.
  Commit replace(Error& error) {
    const WriteSet records = view_.take_changes();
    const auto still_wanted = [this] {
      return database_->keyspace->pin()->number() == pin_->number();
    };
    const auto replaced = database_->keyspace->replace_all(records, still_wanted);
    if (replaced) return Commit::done;
    if (replaced.error().code == ErrorCode::cancelled && !still_wanted()) return Commit::again;
    error = replaced.error();
    return Commit::failed;
  }

  Client& client_;
  const std::shared_ptr<ServedDatabase> database_;
  const std::shared_ptr<const Generation> pin_;
  View view_;
  std::vector<std::function<void()>> after_;
};

bool queue_needs_worker(const Client& client) {
  constexpr std::size_t serving_commands_max = 256;
  if (client.queue.size() > serving_commands_max) return true;
  std::size_t weight = 0;
  for (const QueuedCommand& queued : client.queue) {
    const std::vector<std::string_view> arguments(queued.arguments.begin(), queued.arguments.end());
    if (needs_worker(client, *queued.spec, arguments)) return true;
    for (const std::string_view argument : arguments) weight += argument.size();
  }
  return weight > serving_bytes_max;
}

Outcome finish(Client& client) {
  client.hold.release();
  client.end_transaction();
  return {};
}

}  // namespace

Outcome run_exec(Client& client, bool on_worker) {
  Reply& reply = client.reply;
  if (!client.in_transaction) {
    reply.error("ERR EXEC without MULTI");
    return {};
  }
  if (client.transaction_broken) {
    reply.error("EXECABORT Transaction discarded because of previous errors.");
    return finish(client);
  }
  if (!on_worker && queue_needs_worker(client)) return to_worker(client);
  const std::shared_ptr<ServedDatabase> database = client.database;
  if (const auto blocked = database->locks.try_lock_exclusive(client.hold)) {
    return {Pause::lock, blocked};
  }
  const Reply::Mark mark = reply.mark();
  const int protocol = reply.protocol();
  for (;;) {
    Attempt attempt(client);
    if (attempt.watched_keys_changed()) {
      reply.null_array();
      return finish(client);
    }
    if (!attempt.run_queue()) {
      reply.rollback(mark);
      reply.error("EXECABORT Transaction discarded because its changes are too large.");
      return finish(client);
    }
    Error error;
    const Commit commit = attempt.commit(error);
    if (commit == Commit::done) {
      finish(client);
      attempt.run_after();
      return {};
    }
    reply.rollback(mark);
    if (commit == Commit::failed) {
      reply.error(write_error_text(error));
      return finish(client);
    }
    reply.set_protocol(protocol);
    const bool closed = !database->keyspace->try_begin_write();
    if (closed) {
      client.hold.release();
      return {Pause::gate, {}};
    }
  }
}

}  // namespace restored::data
