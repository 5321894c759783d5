#include "data/dispatch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <semaphore>

#include "base/log.h"
#include "data/command_table.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

constexpr std::size_t serving_arguments_max = 2048;

// At most `bytes_max` bytes, ending before a zero byte, as C prints it.
std::string_view printable(std::string_view text, std::size_t bytes_max) {
  return text.substr(0, std::min(bytes_max, text.find('\0')));
}

std::string unknown_command(Arguments request) {
  std::string arguments;
  for (std::size_t i = 1; i < request.size() && arguments.size() < 128; ++i) {
    arguments += fmt::format("'{}' ", printable(request[i], 128 - arguments.size()));
  }
  return fmt::format("ERR unknown command '{}', with args beginning with: {}",
                     printable(request[0], 128), arguments);
}

bool arity_matches(const CommandSpec& spec, std::size_t count) {
  const auto arguments = static_cast<int>(count);
  return spec.arity >= 0 ? arguments == spec.arity : arguments >= -spec.arity;
}

// A refused command also spoils the transaction that it was meant for.
Outcome refuse(Client& client, std::string_view text) {
  if (client.in_transaction) client.transaction_broken = true;
  client.reply.error(text);
  return {};
}

Outcome enqueue(Client& client, const CommandSpec& spec, Arguments request) {
  std::size_t bytes = sizeof(QueuedCommand);
  for (const std::string_view argument : request) bytes += argument.size() + sizeof(std::string);
  if (bytes > client.transaction_bytes_left()) {
    return refuse(client, "ERR transaction is too large");
  }
  client.queue_bytes += bytes;
  client.queue.push_back({&spec, std::vector<std::string>(request.begin(), request.end())});
  client.record->queued = static_cast<int>(client.queue.size());
  client.record->queued_bytes = client.queue_bytes;
  client.reply.simple("QUEUED");
  return {};
}

// Until `wanted` finds one; true: it did.
template <class Wanted>
bool any_key(const CommandSpec& spec, Arguments arguments, Wanted wanted) {
  const auto count = static_cast<int>(arguments.size());
  const int last = spec.keys.last < 0 ? count + spec.keys.last : spec.keys.last;
  if (spec.keys.step == 0) return false;
  for (int i = spec.keys.first; i <= last; i += spec.keys.step) {
    if (wanted(arguments[static_cast<std::size_t>(i)])) return true;
  }
  return false;
}

// The keys to lock, or the first stripes_held_max + 1 of them: more make no difference.
class CallKeys {
 public:
  CallKeys(const CommandSpec& spec, Arguments arguments) {
    any_key(spec, arguments, [this](std::string_view key) {
      keys_[size_++] = key;
      return size_ == keys_.size();
    });
  }
  std::span<const std::string_view> get() const { return {keys_.data(), size_}; }

 private:
  std::array<std::string_view, KeyLocks::stripes_held_max + 1> keys_;
  std::size_t size_ = 0;
};

// Releases the locks of a client's command when the command is over.
class LocksEnd {
 public:
  explicit LocksEnd(Client& client) : client_(client) {}
  ~LocksEnd() { client_.hold.release(); }
  LocksEnd(const LocksEnd&) = delete;
  LocksEnd& operator=(const LocksEnd&) = delete;

 private:
  Client& client_;
};

Outcome run_write(Client& client, const CommandSpec& spec, Arguments arguments) {
  ServedDatabase* const database = client.database.get();
  const CallKeys keys(spec, arguments);
  if (const auto blocked = database->locks.try_lock(keys.get(), client.hold)) {
    return {Pause::lock, blocked};
  }
  const LocksEnd locks_end(client);
  const WritePermit permit = database->keyspace->try_begin_write();
  if (!permit) return {Pause::gate, {}};
  client.watch.saw_generation(permit.generation().number());

  View view(permit.generation(), client.server.clock.wall(), false);
  const Reply::Mark mark = client.reply.mark();
  Call call{client, spec, arguments, client.reply, &view, view.now()};
  spec.handler(call);
  // What answers an error has done nothing.
  if (!view.changed() || client.reply.errors() != mark.errors) return {};
  const WriteSet changes = view.take_changes();
  const auto written = database->keyspace->write(permit, changes, client.server.options.durability);
  if (!written) {
    client.reply.rollback(mark);
    client.reply.error(write_error_text(written.error()));
    return {};
  }
  note_written(*database, changes);
  return {};
}

Outcome run_read(Client& client, const CommandSpec& spec, Arguments arguments) {
  const std::shared_ptr<const Generation> pin = client.database->keyspace->pin();
  client.watch.saw_generation(pin->number());
  View view(*pin, client.server.clock.wall(), false);
  Call call{client, spec, arguments, client.reply, &view, view.now()};
  spec.handler(call);
  return {};
}

Outcome run_command(Client& client, const CommandSpec& spec, Arguments arguments, bool on_worker) {
  if (!on_worker && needs_worker(client, spec, arguments)) return to_worker(client);
  if (spec.has(flag_write) && spec.keys.first != 0) return run_write(client, spec, arguments);
  if (spec.has(flag_readonly)) return run_read(client, spec, arguments);
  if (spec.handler == nullptr) return run_exec(client, on_worker);
  Call call{client, spec, arguments, client.reply, nullptr, client.server.clock.wall()};
  spec.handler(call);
  return {};
}

}  // namespace

bool needs_worker(const Client& client, const CommandSpec& spec, Arguments arguments) {
  if (spec.has(flag_worker) || arguments.size() > serving_arguments_max) return true;
  // A sync to the device keeps its thread waiting.
  if (spec.has(flag_write) && client.server.options.durability == Durability::device) return true;
  std::size_t bytes = spec.weight != nullptr ? spec.weight(arguments) : 0;
  for (const std::string_view argument : arguments) bytes += argument.size();
  if (bytes > serving_bytes_max) return true;
  if (!client.database || !client.database->big_keys.any()) return false;
  return any_key(spec, arguments,
                 [&](std::string_view key) { return client.database->big_keys.probably_big(key); });
}

Outcome to_worker(Client& client) {
  client.hold.release();
  return {Pause::worker, {}};
}

void note_written(ServedDatabase& database, const WriteSet& changes) {
  for (const WriteSet::Entry& entry : changes.entries()) {
    const auto key = record::user_key(entry.key);
    if (!key) continue;
    database.watches.touch(*key);
    if (entry.value) database.big_keys.note(*key, entry.value->size());
  }
}

Outcome run_request(Client& client, Arguments request, bool on_worker) {
  const CommandSpec* spec = CommandTable::instance().find(request[0]);
  if (spec == nullptr) return refuse(client, unknown_command(request));
  if (!spec->subcommands.empty() && request.size() > 1) {
    const CommandSpec* container = spec;
    spec = CommandTable::find_subcommand(*container, request[1]);
    if (spec == nullptr) {
      return refuse(client, fmt::format("ERR unknown subcommand '{}'. Try {} HELP.",
                                        printable(request[1], 128), to_upper(container->name)));
    }
  }
  if (!arity_matches(*spec, request.size())) {
    return refuse(client,
                  fmt::format("ERR wrong number of arguments for '{}' command", spec->name));
  }
  if (!client.authenticated() && !spec->has(flag_no_auth)) {
    return refuse(client, "NOAUTH Authentication required.");
  }
  client.record->command.store(spec, std::memory_order_relaxed);
  if (client.in_transaction && !spec->has(flag_immediate)) return enqueue(client, *spec, request);
  return run_command(client, *spec, request, on_worker);
}

void when_runnable(Client& client, const Outcome& outcome, std::function<void()> resume) {
  if (outcome.pause == Pause::gate) {
    client.database->keyspace->when_writable(std::move(resume));
  } else {
    client.database->locks.when(outcome.blocked, std::move(resume));
  }
}

void run_blocking(Client& client, Arguments request) {
  for (;;) {
    const Outcome outcome = run_request(client, request, true);
    if (outcome.pause == Pause::none) return;
    std::binary_semaphore runnable(0);
    when_runnable(client, outcome, [&runnable] { runnable.release(); });
    runnable.acquire();
  }
}

}  // namespace restored::data
