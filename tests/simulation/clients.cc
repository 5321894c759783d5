#include "clients.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "kernel.h"
#include "repeats.h"

namespace restored::simulation {
namespace {

// Of virtual time; longer than anything waits for a store that is away.
constexpr std::chrono::hours patience(2);

Ledger& ledger() {
  return Ledger::shared();
}

// A permit to write, when the gate lets one in.
WritePermit begin_write(const std::shared_ptr<Keyspace>& keyspace) {
  struct Gate {
    std::mutex mutex;
    std::condition_variable opened;
    bool open = false;
  };
  for (;;) {
    WritePermit permit = keyspace->try_begin_write();
    if (permit) return permit;
    const auto gate = std::make_shared<Gate>();
    keyspace->when_writable([gate] {
      const std::lock_guard lock(gate->mutex);
      gate->open = true;
      gate->opened.notify_all();
    });
    std::unique_lock lock(gate->mutex);
    gate->opened.wait(lock, [&] { return gate->open; });
  }
}

}  // namespace

std::vector<Name> Clients::complete_backups() {
  std::vector<Name> backups;
  for (const Event& event : ledger().events()) {
    if (event.act == Act::backup && event.told == Told::done) backups.push_back(event.backup);
    if (event.act == Act::remove) std::erase(backups, event.backup);
  }
  return backups;
}

// ---- one step each

bool Clients::read(std::size_t database) {
  const std::int64_t begin = now_nanos();
  const std::shared_ptr<Keyspace> keyspace = host_.engine().keyspace(database_id(database));
  if (!keyspace) return false;
  const std::shared_ptr<const Generation> generation = keyspace->pin();
  const auto tag = tag_of(*generation, host_.shape());
  if (!tag) {
    if (!tag.error().failed)
      problems_.push_back(fmt::format("database {} generation {}: {}", database,
                                      generation->number(), tag.error().what));
    return false;
  }
  Event* event = ledger().add(Act::read, database, begin);
  if (event == nullptr) return false;
  event->generation = generation->number();
  event->has_generation = true;
  event->tag = *tag;
  event->told = Told::done;
  event->end = now_nanos();
  return true;
}

void Clients::write(std::size_t database, bool durable) {
  const std::shared_ptr<Keyspace> keyspace = host_.engine().keyspace(database_id(database));
  if (!keyspace) return;
  const WritePermit permit = begin_write(keyspace);
  Event* event = ledger().add(Act::write, database, now_nanos());
  if (event == nullptr) return;
  event->tag = ledger().new_tag();
  event->generation = permit.generation().number();
  event->has_generation = true;
  event->durable = durable;
  const Result<void> written = keyspace->write(permit, change_to(event->tag, host_.shape()),
                                               durable ? Durability::device : Durability::process);
  event->told = written ? Told::done : Told::failed;
  event->end = now_nanos();
}

std::uint64_t Clients::live_generation(std::size_t database) {
  const Result<DatabaseInfo> info = host_.engine().database(database_id(database));
  if (info) return info->generation;
  problems_.push_back(fmt::format("database {} is gone: {}", database, info.error().message));
  return 0;
}

void Clients::told(Event& event, const OperationView& view) {
  if (view.state == OperationState::running) return;
  const bool swapped = view.state == OperationState::succeeded &&
                       (event.act == Act::restore || event.act == Act::undo);
  const std::uint64_t generation = swapped ? live_generation(event.database) : 0;
  if (view.state == OperationState::failed && !view.error)
    problems_.push_back(fmt::format("operation {} failed and does not say why", view.id.value));
  // The life may end at any call: from here on there is none.
  if (view.error) event.code = static_cast<std::uint32_t>(view.error->code);
  if (event.act == Act::backup) event.backup = as_name(view.backup.value);
  event.generation = generation;
  event.has_generation = swapped;
  event.told = view.state == OperationState::succeeded ? Told::done
               : view.state == OperationState::failed  ? Told::failed
                                                       : Told::cancelled;
  event.end = now_nanos();
}

// Waits for an accepted operation's end.
void Clients::conclude(Event& event) {
  const OperationId id{std::string(text(event.operation))};
  const Result<OperationView> view = host_.engine().wait_operation(id, patience, std::stop_token());
  if (!view) {
    problems_.push_back(fmt::format("operation {} was accepted and is not known: {}", id.value,
                                    view.error().message));
    event.told = Told::failed;
    event.end = now_nanos();
  } else if (view->state == OperationState::running && !stopping_) {
    problems_.push_back(fmt::format("operation {} ({}) does not end: {} {}", id.value,
                                    name(view->kind), name(view->phase), view->waiting_on));
  } else {
    told(event, *view);
  }
}

bool Clients::follow(Event* event, const Result<OperationView>& started) {
  if (!started) {
    event->told = Told::failed;
    event->code = static_cast<std::uint32_t>(started.error().code);
    event->end = now_nanos();
    return false;
  }
  event->operation = as_name(started->id.value);
  if (event->act == Act::backup) event->backup = as_name(started->backup.value);
  conclude(*event);
  return event->told == Told::done;
}

bool Clients::backup(std::size_t database) {
  Event* event = ask(Act::backup, database);
  return event != nullptr && follow(event, send(*event));
}

bool Clients::restore(std::size_t database, const Name& backup) {
  Event* event = ask(Act::restore, database);
  if (event == nullptr) return false;
  event->backup = backup;
  return follow(event, send(*event));
}

bool Clients::verify(const Name& backup) {
  Event* event = ask(Act::verify, 0);
  if (event == nullptr) return false;
  event->backup = backup;
  return follow(event, send(*event));
}

void Clients::undo(std::size_t database) {
  if (Event* event = ask(Act::undo, database)) follow(event, send(*event));
}

// What a restore or a flush replaced is kept, however the wall clock is set by less than the time
// for which it is, and where there is room.
void Clients::look_for_previous(std::size_t database) {
  if (host_.plan().clock_hours > 10 || gets_full(host_.plan())) return;
  const Event* last = nullptr;
  for (const Event& event : ledger().events()) {
    const bool swaps =
        event.act == Act::restore || event.act == Act::undo || event.act == Act::flush;
    if (swaps && event.database == database && event.told == Told::done) last = &event;
  }
  if (last == nullptr || last->act == Act::undo) return;
  const Result<DatabaseInfo> info = host_.engine().database(database_id(database));
  if (info && !info->previous_generation)
    problems_.push_back(
        fmt::format("generation {} of database {} cannot be undone", last->generation, database));
}

void Clients::flush(std::size_t database) {
  const std::shared_ptr<Keyspace> keyspace = host_.engine().keyspace(database_id(database));
  Event* event = keyspace ? ledger().add(Act::flush, database, now_nanos()) : nullptr;
  if (event == nullptr) return;
  const std::uint64_t before = live_generation(database);
  const Result<void> done = keyspace->replace_all(WriteSet(), {});
  const std::uint64_t after = live_generation(database);
  if (done) {
    event->generation = after;
    event->has_generation = true;
    // What was empty need not be replaced.
    if (after == before) event->act = Act::read;
  }
  if (!done) event->code = static_cast<std::uint32_t>(done.error().code);
  event->told = done ? Told::done : Told::failed;
  event->end = now_nanos();
}

void Clients::rotate(std::size_t database) {
  Event* event = ask(Act::rotate, database);
  if (event == nullptr) return;
  const ConnectionId id{std::string(text(ledger().connections[database]))};
  const Result<NewConnection> rotated = host_.engine().rotate_connection(id, intent_of(*event));
  if (rotated) event->backup = as_name(rotated->password);
  event->told = rotated ? Told::done : Told::failed;
  event->end = now_nanos();
}

void Clients::remove(const Name& backup) {
  Event* event = ledger().add(Act::remove, 0, now_nanos());
  if (event == nullptr) return;
  event->backup = backup;
  const Result<void> removed = host_.engine().remove_backup(BackupId{std::string(text(backup))});
  event->told = removed ? Told::done : Told::failed;
  event->end = now_nanos();
}

// ---- working

void Clients::write_often(std::size_t database) {
  while (working() && !controllers_done_) {
    sleep_micros(random_below(16) == 0 ? random_below(1'000'000) : random_below(4'000));
    write(database, random_below(3) == 0);
  }
}

// Also one that is being made, or removed: it is whole when it is ready.
void Clients::read_any() {
  const std::size_t database = random_below(ledger().databases);
  const Result<DatabaseInfo> info = host_.engine().database(database_id(database));
  if (info && info->status == DatabaseStatus::ready) read(database);
}

void Clients::read_often(std::size_t database) {
  while (working() && !controllers_done_) {
    sleep_micros(random_below(16) == 0 ? random_below(1'000'000) : random_below(2'000));
    read(database);
    if (random_below(8) == 0) read_any();
  }
}

// What a controller works on: its host's own database, and what it has made itself.
std::vector<std::size_t> Clients::owned(std::size_t controller) const {
  std::vector<std::size_t> databases;
  for (std::size_t database = 0; database < ledger().databases; ++database) {
    if (ledger().owners[database] != controller) continue;
    if (ledger().standing(database) == Ledger::Standing::there) databases.push_back(database);
  }
  return databases;
}

void Clients::act(std::size_t controller) {
  const std::vector<std::size_t> databases = owned(controller);
  const std::uint64_t choice = random_below(24);
  const std::size_t database =
      random_below(2) == 0 ? controller : databases[random_below(databases.size())];
  if (choice < 20) {
    replace(database, choice);
  } else if (choice < 23 || databases.back() == controller) {
    make(controller);
  } else {
    drop(databases.back());
  }
}

void Clients::replace(std::size_t database, std::uint64_t choice) {
  look_for_previous(database);
  const std::vector<Name> backups = complete_backups();
  if (backups.empty() || choice < 5) {
    backup(database);
    return;
  }
  const Name& one = backups[random_below(backups.size())];
  if (choice < 9) {
    restore(database, one);
    read(database);
  } else if (choice < 12) {
    restore_held(database, one);
    read(database);
  } else if (choice < 14) {
    undo(database);
    read(database);
  } else if (choice < 16) {
    flush(database);
    read(database);
  } else if (choice < 17) {
    rotate(database);
  } else if (choice < 18) {
    verify(one);
  } else if (choice < 19) {
    remove(one);
  } else {
    // Another database's controller may do the same; who comes second is refused.
    [[maybe_unused]] const auto report =
        host_.engine().collect_repository(random_below(2) == 0, std::stop_token());
  }
}

void Clients::control(std::size_t database) {
  for (std::size_t i = 0; i < host_.plan().operations && working(); ++i) {
    sleep_micros(random_below(5'000));
    act(database);
  }
}

void Clients::cancel_often() {
  while (working() && !controllers_done_) {
    sleep_micros(random_below(3'000));
    for (const OperationView& view : host_.engine().operations()) {
      if (view.state != OperationState::running) continue;
      // It would never be committed else.
      if (view.phase == Phase::staged && random_below(128) != 0) continue;
      if (random_below(16) < host_.plan().canceller_patience) cancel(as_name(view.id.value));
    }
  }
}

// Back and forth around the right time.
void Clients::set_clock_often() {
  constexpr std::int64_t hour_nanos = 3'600'000'000'000;
  const std::uint64_t hours = host_.plan().clock_hours;
  while (working() && !controllers_done_) {
    sleep_micros(random_below(200'000));
    Event* event = ledger().add(Act::set, 0, now_nanos());
    if (event == nullptr) return;
    const std::int64_t step = (static_cast<std::int64_t>(random_below(2 * hours + 1)) -
                               static_cast<std::int64_t>(hours)) *
                              hour_nanos;
    event->told = Told::done;
    event->end = event->begin;
    ledger().wall_step = step;
    set_wall_step(step);
  }
}

void Clients::start() {
  const Plan& plan = host_.plan();
  for (std::size_t database = 0; database < plan.databases; ++database) {
    if (!host_.engine().keyspace(database_id(database))) continue;
    for (std::size_t i = 0; i < plan.writers; ++i)
      others_.emplace_back([this, database] { write_often(database); });
    for (std::size_t i = 0; i < plan.readers; ++i)
      others_.emplace_back([this, database] { read_often(database); });
    controllers_.emplace_back([this, database] { control(database); });
  }
  if (plan.clock_hours > 0) others_.emplace_back([this] { set_clock_often(); });
  if (plan.canceller_patience > 0) others_.emplace_back([this] { cancel_often(); });
}

void Clients::finish() {
  controllers_.clear();
  controllers_done_ = true;
  others_.clear();
}

}  // namespace restored::simulation
