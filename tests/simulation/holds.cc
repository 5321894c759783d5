// Clients, with restores that hold: committed, cancelled, or left until their time is over.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "clients.h"
#include "kernel.h"

namespace restored::simulation {
namespace {

constexpr std::uint64_t second_micros = 1'000'000;
// Of virtual time, in which a storage engine removes the files of a generation that was dropped.
constexpr unsigned removal_seconds = 120;

Ledger& ledger() {
  return Ledger::shared();
}

OperationId operation_of(const Event& event) {
  return OperationId{std::string(text(event.operation))};
}

}  // namespace

bool Clients::restore_held(std::size_t database, const Name& backup) {
  const std::uint64_t bytes = content_bytes(database);
  Event* event = ask(Act::restore, database);
  if (event == nullptr) return false;
  event->backup = backup;
  event->holds = true;
  const Result<OperationView> started = send(*event);
  if (!started) return follow(event, started);
  event->operation = as_name(started->id.value);
  if (random_below(4) == 0 || wait_staged(*event)) decide(*event);
  // The engine closes while it holds, and the next life finds it so.
  if (stopping_) return false;
  conclude(*event);
  look_for_staged(*event, bytes);
  return event->told == Told::done;
}

// False: it ended before.
bool Clients::wait_staged(const Event& event) {
  while (!stopping_) {
    const Result<OperationView> view = host_.engine().operation(operation_of(event));
    if (!view || view->state != OperationState::running) return false;
    if (view->phase == Phase::staged) return true;
    sleep_micros(1'000 + random_below(20'000));
  }
  return false;
}

void Clients::decide(const Event& event) {
  const std::uint64_t hold_micros = host_.plan().hold_seconds * second_micros;
  const std::uint64_t choice = random_below(8);
  if (choice < 3) sleep_micros(random_below(100'000));
  // Beside its end of time; nobody looks at the clock more often than once a second.
  if (choice == 3) sleep_micros(hold_micros - second_micros / 2 + random_below(2 * second_micros));
  if (stopping_) return;
  if (choice < 5) commit(event);
  if (choice == 4) commit(event);
  if (choice == 5 || choice == 6) cancel(event.operation);
  if (choice == 6) commit(event);
  if (choice == 7) leave(event);
}

// Where the wall clock is set back its time may be hours away.
void Clients::leave(const Event& event) {
  if (host_.plan().clock_hours == 0) return;
  const std::chrono::seconds patience(host_.plan().hold_seconds + 5);
  const auto view = host_.engine().wait_operation(operation_of(event), patience, std::stop_token());
  if (view && view->state == OperationState::running) cancel(event.operation);
}

void Clients::commit(const Event& restore) {
  Event* event = ledger().add(Act::commit, restore.database, now_nanos());
  if (event == nullptr) return;
  event->operation = restore.operation;
  const Result<OperationView> accepted = host_.engine().commit_operation(operation_of(restore));
  if (!accepted) event->code = static_cast<std::uint32_t>(accepted.error().code);
  event->told = accepted ? Told::done : Told::failed;
  event->end = now_nanos();
}

void Clients::cancel(const Name& operation) {
  Event* event = ledger().add(Act::cancel, 0, now_nanos());
  if (event == nullptr) return;
  event->operation = operation;
  const Result<OperationView> accepted = host_.engine().cancel_operation(operation_of(*event));
  if (!accepted) event->code = static_cast<std::uint32_t>(accepted.error().code);
  event->told = accepted ? Told::done : Told::failed;
  event->end = now_nanos();
}

// Of one that ended without its swap nothing is left: no staged file, and no generation that was
// imported from them. Where clients write, the live one grows.
void Clients::look_for_staged(const Event& event, std::uint64_t bytes_before) {
  const bool ended = event.told == Told::failed || event.told == Told::cancelled;
  if (!ended || stopping_ || !host_.disk_is_good()) return;
  const std::string staging = fmt::format(
      "/state/databases/{}/staging/{}", text(ledger().ids[event.database]), text(event.operation));
  if (host_.state_disk().stat(staging))
    problems_.push_back(fmt::format("operation {} leaves {}", text(event.operation), staging));
  if (host_.plan().writers > 0) return;
  std::uint64_t bytes = 0;
  for (unsigned waited = 0; waited <= removal_seconds; ++waited) {
    bytes = content_bytes(event.database);
    if (bytes <= bytes_before || stopping_) return;
    sleep_micros(second_micros);
  }
  problems_.push_back(fmt::format("operation {} leaves {} bytes of {} in its database",
                                  text(event.operation), bytes, bytes_before));
}

// Of the storage engine's files of content.
std::uint64_t Clients::content_bytes(std::size_t database) {
  const auto entries =
      host_.state_disk().list(fmt::format("/state/databases/{}", text(ledger().ids[database])));
  std::uint64_t bytes = 0;
  if (!entries) return bytes;
  for (const test::NodeFacts& entry : *entries)
    if (entry.name.ends_with(".sst")) bytes += entry.size_bytes;
  return bytes;
}

}  // namespace restored::simulation
