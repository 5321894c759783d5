// Clients, after a life that ended in the middle: what became of what they had asked for.
#include <set>
#include <string>

#include "clients.h"
#include "kernel.h"

namespace restored::simulation {
namespace {

Ledger& ledger() {
  return Ledger::shared();
}

std::uint64_t last_known_generation(std::size_t database) {
  std::uint64_t generation = 0;
  bool known = false;
  for (const Event& event : ledger().events()) {
    if (event.database != database || !event.has_generation) continue;
    const bool swapped = event.act == Act::create || event.act == Act::restore ||
                         event.act == Act::undo || event.act == Act::flush;
    if (swapped ? event.told == Told::done : (event.act == Act::read && !known))
      generation = event.generation;
    known = true;
  }
  return generation;
}

}  // namespace

// An operation may have been accepted although its client was never told its id.
bool Clients::adopt(Event& event) {
  std::set<std::string, std::less<>> known;
  for (const Event& other : ledger().events()) known.emplace(text(other.operation));
  for (const OperationView& view : host_.engine().operations()) {
    const bool kind = (event.act == Act::backup && view.kind == OperationKind::backup) ||
                      (event.act == Act::restore && view.kind == OperationKind::restore) ||
                      (event.act == Act::undo && view.kind == OperationKind::undo) ||
                      (event.act == Act::verify && view.kind == OperationKind::verify);
    if (!kind || known.contains(view.id.value)) continue;
    if (event.act != Act::verify && view.database != database_id(event.database)) continue;
    event.operation = as_name(view.id.value);
    return true;
  }
  return false;
}

void Clients::resolve_flush(Event& event) {
  const std::uint64_t generation = live_generation(event.database);
  event.told = generation == last_known_generation(event.database) ? Told::failed : Told::done;
  event.generation = generation;
  event.has_generation = true;
  event.end = now_nanos();
}

void Clients::resolve(Event& event) {
  if (event.intent != 0 && random_below(4) != 0) repeat(event);
  if (event.act == Act::flush) {
    resolve_flush(event);
  } else if (text(event.operation).empty() && !adopt(event)) {
    event.told = Told::failed;
    event.end = now_nanos();
  } else {
    if (event.holds && wait_staged(event)) decide(event);
    conclude(event);
  }
}

// A swap whose record the device did not acknowledge was told to have failed, and those after it
// were refused; when the catalog is read again and the record is there, it counts (SWAP.md).
void Clients::settle_doubtful_swap(std::size_t database) {
  const auto io_error = static_cast<std::uint32_t>(ErrorCode::io_error);
  Event* doubtful = nullptr;
  for (Event& event : ledger().events()) {
    const bool swap =
        event.act == Act::restore || event.act == Act::undo || event.act == Act::flush;
    if (!swap || event.database != database || event.life == ledger().life) continue;
    const bool in_doubt = event.told == Told::failed && event.code == io_error;
    if (!in_doubt) doubtful = nullptr;
    if (in_doubt && doubtful == nullptr) doubtful = &event;
  }
  const std::uint64_t generation = live_generation(database);
  if (doubtful == nullptr || generation == last_known_generation(database)) return;
  doubtful->generation = generation;
  doubtful->has_generation = true;
  doubtful->told = Told::done;
  doubtful->end = now_nanos();
}

void Clients::look_around() {
  for (Event& event : ledger().events()) {
    if (event.life == ledger().life) continue;
    if (event.act == Act::create) resolve_making(event);
    if (event.act == Act::drop && event.told == Told::nothing) resolve_drop(event);
  }
  for (std::size_t database = 0; database < ledger().databases; ++database) {
    if (!host_.engine().keyspace(database_id(database))) continue;
    settle_doubtful_swap(database);
    // Before what was cut off: an operation that goes on waits for this read or does not.
    read(database);
    for (Event& event : ledger().events()) {
      const bool answered = event.told != Told::nothing;
      if (answered || event.database != database || event.life == ledger().life) continue;
      // Not over a later one.
      if (event.act == Act::rotate && event.intent != 0 && event.life + 1 == ledger().life)
        repeat_rotation(event);
      if (event.act == Act::write || event.act == Act::rotate || event.act == Act::remove ||
          event.act == Act::cancel || event.act == Act::commit || event.act == Act::create ||
          event.act == Act::drop || event.act == Act::cut || event.act == Act::read)
        continue;
      resolve(event);
    }
    repeat_answered(database);
  }
}

}  // namespace restored::simulation
