// Clients that make databases, empty, from a backup or from another one, and remove them.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "clients.h"
#include "kernel.h"
#include "repeats.h"

namespace restored::simulation {
namespace {

// Of virtual time; longer than anything waits for a store that is away.
constexpr std::chrono::hours patience(2);
constexpr std::uint64_t second_micros = 1'000'000;
// A reader may have it still, or a clone that is being made of it.
constexpr unsigned removal_seconds = 120;

Ledger& ledger() {
  return Ledger::shared();
}

}  // namespace

void Clients::make_first(std::size_t database) {
  ledger().databases = database + 1;
  ledger().owners[database] = static_cast<std::uint8_t>(database);
  Event* event = ledger().add(Act::create, database, now_nanos());
  const Result<CreatedDatabase> created =
      host_.engine().create_database(request_of(*event), "simulation");
  if (!created) std::abort();
  note_made(database, *created);
  made(*event, Told::done, std::nullopt);
}

void Clients::make(std::size_t controller) {
  if (ledger().databases == Ledger::databases_max) return;
  const std::size_t database = ledger().databases;
  const std::vector<Name> backups = complete_backups();
  const std::uint64_t choice = random_below(5);
  const std::size_t source = random_below(database);
  Event* event = ask(Act::create, database);
  if (event == nullptr) return;
  ledger().databases = database + 1;
  ledger().owners[database] = static_cast<std::uint8_t>(controller);
  event->clones = choice > 2;
  event->source = static_cast<std::uint8_t>(event->clones ? source : 0);
  if (choice > 0 && choice <= 2 && !backups.empty())
    event->backup = backups[random_below(backups.size())];
  const Result<CreatedDatabase> created =
      host_.engine().create_database(request_of(*event), "simulation");
  if (!created) {
    event->code = static_cast<std::uint32_t>(created.error().code);
    event->told = Told::failed;
    event->end = now_nanos();
    return;
  }
  note_made(database, *created);
  if (created->operation) event->operation = as_name(created->operation->value);
  conclude_making(*event);
  if (event->told != Told::done) return;
  read(database);
  write(database, random_below(2) == 0);
}

void Clients::conclude_making(Event& event) {
  if (text(event.operation).empty()) {
    made(event, Told::done, std::nullopt);
    return;
  }
  const OperationId id{std::string(text(event.operation))};
  const Result<OperationView> view = host_.engine().wait_operation(id, patience, std::stop_token());
  if (!view) {
    problems_.push_back(fmt::format("operation {} was accepted and is not known", id.value));
  } else if (view->state == OperationState::running) {
    if (!stopping_)
      problems_.push_back(fmt::format("operation {} (making a database) does not end: {} {}",
                                      id.value, name(view->phase), view->waiting_on));
  } else {
    const Told told = view->state == OperationState::succeeded ? Told::done
                      : view->state == OperationState::failed  ? Told::failed
                                                               : Told::cancelled;
    made(event, told, view->error);
  }
}

// Whole and served, or neither.
void Clients::made(Event& event, Told told, const std::optional<Error>& error) {
  const DatabaseId id = database_id(event.database);
  const Result<DatabaseInfo> info = host_.engine().database(id);
  const bool served = host_.engine().keyspace(id) != nullptr;
  const bool ready = info && info->status == DatabaseStatus::ready;
  // What the registry does not take is told at the next start.
  if (told == Told::done && host_.disk_is_good() && (!ready || !served))
    problems_.push_back(fmt::format("database {} was made and is not served", event.database));
  if (told != Told::done && (ready || served))
    problems_.push_back(fmt::format("database {} was not made and is served", event.database));
  if (error) event.code = static_cast<std::uint32_t>(error->code);
  event.generation = info && told == Told::done ? info->generation : 0;
  event.has_generation = info && told == Told::done;
  event.told = told;
  event.end = now_nanos();
}

// Nobody may have been told its id, or that it was made after all.
void Clients::resolve_making(Event& event) {
  const bool answered = event.told == Told::done || event.told == Told::cancelled ||
                        (event.told == Told::failed && !text(event.operation).empty());
  if (answered) return;
  if (event.intent != 0 && event.told == Told::nothing && random_below(4) != 0) {
    repeat_making(event);
    if (event.told != Told::nothing || !text(event.operation).empty()) return;
  }
  for (const DatabaseInfo& info : host_.engine().databases())
    if (info.name == name_of(event.database)) ledger().ids[event.database] = as_name(info.id.value);
  const Result<DatabaseInfo> info = host_.engine().database(database_id(event.database));
  if (!info) {
    event.told = Told::failed;
    event.end = event.end == 0 ? now_nanos() : event.end;
    return;
  }
  for (const OperationView& view : host_.engine().operations())
    if (view.kind == OperationKind::restore && view.database == info->id)
      event.operation = as_name(view.id.value);
  if (!text(event.operation).empty()) {
    conclude_making(event);
  } else if (info->status == DatabaseStatus::ready) {
    made(event, Told::done, std::nullopt);
  } else {
    made(event, Told::failed, info->failure);
  }
}

void Clients::drop(std::size_t database) {
  Event* event = ledger().add(Act::drop, database, now_nanos());
  if (event == nullptr) return;
  const DatabaseId id = database_id(database);
  const Result<void> removed = host_.engine().remove_database(id);
  if (!removed) event->code = static_cast<std::uint32_t>(removed.error().code);
  event->told = removed ? Told::done : Told::failed;
  event->end = now_nanos();
  if (!removed) return;
  if (host_.engine().database(id) || host_.engine().keyspace(id))
    problems_.push_back(fmt::format("database {} was removed and is there", database));
  if (!host_.disk_is_good()) return;
  const std::string directory = "/state/databases/" + id.value;
  for (unsigned waited = 0; host_.state_disk().stat(directory); ++waited) {
    if (stopping_) return;
    if (waited == removal_seconds) {
      problems_.push_back(fmt::format("database {} was removed and leaves files", database));
      return;
    }
    sleep_micros(second_micros);
  }
}

void Clients::resolve_drop(Event& event) {
  const bool there = host_.engine().database(database_id(event.database)).has_value();
  event.told = there ? Told::failed : Told::done;
  event.end = now_nanos();
}

}  // namespace restored::simulation
