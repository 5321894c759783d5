// Clients that send a request again, with the intent that it had: it has been carried out once.
#include "repeats.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "clients.h"
#include "kernel.h"

namespace restored::simulation {
namespace {

Ledger& ledger() {
  return Ledger::shared();
}

}  // namespace

Intent intent_of(const Event& event) {
  Intent intent;
  if (event.intent != 0) intent.seed = fmt::format("the intent of a client {:032}", event.intent);
  return intent;
}

std::string name_of(std::size_t database) {
  return fmt::format("database-{}", database);
}

CreateDatabase request_of(const Event& event) {
  CreateDatabase request;
  request.name = name_of(event.database);
  request.intent = intent_of(event);
  if (event.clones) {
    request.from_database = SourceDatabase{database_id(event.source)};
  } else if (!text(event.backup).empty()) {
    request.from_backup = SourceBackup{{}, BackupId{std::string(text(event.backup))}};
  }
  return request;
}

void note_made(std::size_t database, const CreatedDatabase& made) {
  ledger().connections[database] = as_name(made.connection.info.id.value);
  ledger().first_passwords[database] = as_name(made.connection.password);
  ledger().ids[database] = as_name(made.info.id.value);
}

Event* Clients::ask(Act act, std::size_t database) {
  Event* event = ledger().add(act, database, now_nanos());
  if (event != nullptr && random_below(2) == 0) event->intent = ledger().new_intent();
  return event;
}

Result<OperationView> Clients::send(const Event& event) {
  Engine& engine = host_.engine();
  const DatabaseId id = database_id(event.database);
  const BackupId backup{std::string(text(event.backup))};
  const Intent intent = intent_of(event);
  if (event.act == Act::backup) return engine.start_backup(id, "", "simulation", 0, intent);
  if (event.act == Act::undo) return engine.start_undo(id, "simulation", intent);
  if (event.act == Act::verify)
    return engine.start_verify(backup, VerifyDepth::full, "simulation", intent);
  return engine.start_restore({id, {}, backup, "simulation", intent, event.holds});
}

// Nobody was told what became of it.
void Clients::repeat(Event& event) {
  const auto id = intent_of(event).id<OperationTag>("operation");
  const bool begun = host_.engine().operation(id).has_value();
  const bool known = !text(event.operation).empty();
  if (known && (!begun || text(event.operation) != id.value))
    problems_.push_back(
        fmt::format("operation {} is not that of its intent", text(event.operation)));
  const Result<OperationView> again = send(event);
  if (again && again->id != id)
    problems_.push_back(fmt::format("operation {} began again as {}", id.value, again->id.value));
  if (again || host_.engine().operation(id)) event.operation = as_name(id.value);
  if (event.act == Act::backup && again) event.backup = as_name(again->backup.value);
  // The answer to an undo is how it ended.
  if (begun && !again && event.act != Act::undo)
    problems_.push_back(fmt::format("operation {} is refused when it is asked for again: {}",
                                    id.value, again.error().message));
}

// What was answered is not done a second time.
void Clients::repeat_answered(std::size_t database) {
  for (Event& event : ledger().events()) {
    const bool an_operation = event.act == Act::backup || event.act == Act::restore ||
                              event.act == Act::undo || event.act == Act::verify;
    const bool answered = event.told != Told::nothing && !text(event.operation).empty();
    if (!an_operation || !answered || event.database != database) continue;
    if (event.intent == 0 || random_below(4) != 0) continue;
    const std::uint64_t before = live_generation(database);
    const Result<OperationView> was =
        host_.engine().operation(OperationId{std::string(text(event.operation))});
    repeat(event);
    const Result<OperationView> is =
        host_.engine().operation(OperationId{std::string(text(event.operation))});
    if (!was || !is || was->state != is->state || is->ended_at != was->ended_at)
      problems_.push_back(fmt::format("operation {} was done twice", text(event.operation)));
    if (live_generation(database) != before)
      problems_.push_back(fmt::format("operation {} swapped twice", text(event.operation)));
  }
}

void Clients::repeat_making(Event& event) {
  const auto id = intent_of(event).id<DatabaseTag>("database");
  const Name known = ledger().ids[event.database];
  const Name password = ledger().first_passwords[event.database];
  const Result<CreatedDatabase> again =
      host_.engine().create_database(request_of(event), "simulation");
  if (!again) return;
  if (again->info.id != id || (!text(known).empty() && text(known) != id.value))
    problems_.push_back(fmt::format("database {} was made twice", event.database));
  if (!text(password).empty() && text(password) != again->connection.password)
    problems_.push_back(fmt::format("database {} has two passwords", event.database));
  note_made(event.database, *again);
  if (again->operation) event.operation = as_name(again->operation->value);
  if (again->operation || again->info.status == DatabaseStatus::ready) conclude_making(event);
}

void Clients::repeat_rotation(Event& event) {
  const ConnectionId id{std::string(text(ledger().connections[event.database]))};
  const Result<NewConnection> again = host_.engine().rotate_connection(id, intent_of(event));
  if (!again) return;
  if (again->password != intent_of(event).secret("password"))
    problems_.push_back(fmt::format("database {} has two new passwords", event.database));
  event.backup = as_name(again->password);
  event.told = Told::done;
  event.end = now_nanos();
}

}  // namespace restored::simulation
