#include "ledger.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "restored/error.h"

namespace restored::simulation {

Name as_name(std::string_view text) {
  Name name{};
  if (text.size() >= name.size()) std::abort();
  std::ranges::copy(text, name.begin());
  return name;
}

std::string_view text(const Name& name) {
  return {name.data()};
}

std::string print(const Event& event) {
  const char* const acts[] = {"write",  "read",   "backup", "restore", "undo",
                              "verify", "flush",  "create", "drop",    "rotate",
                              "remove", "cancel", "commit", "set",     "cut"};
  const char* const tolds[] = {"unanswered", "done", "failed", "cancelled"};
  std::string line = fmt::format("life {} database {} {} {}", event.life, event.database,
                                 acts[static_cast<std::size_t>(event.act)],
                                 tolds[static_cast<std::size_t>(event.told)]);
  if (event.code != 0) line += fmt::format(" error {}", event.code);
  if (event.act == Act::write || event.act == Act::read) line += fmt::format(" tag {}", event.tag);
  if (event.clones) line += fmt::format(" of {}", event.source);
  if (event.intent != 0) line += fmt::format(" intent {}", event.intent);
  if (event.durable) line += " durable";
  if (event.holds) line += " with a hold";
  if (event.power_lost) line += " power";
  if (event.has_generation) line += fmt::format(" generation {}", event.generation);
  if (event.act != Act::rotate && !text(event.backup).empty())
    line += fmt::format(" backup {}", text(event.backup));
  if (!text(event.operation).empty()) line += fmt::format(" operation {}", text(event.operation));
  return line + fmt::format(", {} to {} us", event.begin / 1'000, event.end / 1'000);
}

Ledger& Ledger::shared() {
  static Ledger* const ledger = [] {
    void* memory =
        ::mmap(nullptr, sizeof(Ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    return new (memory) Ledger();
  }();
  return *ledger;
}

void Ledger::clear() {
  // The events behind the count are not touched: most seeds use few of them.
  std::fill_n(events_.begin(), count_, Event());
  count_ = 0;
  tags_ = 0;
  intents_ = 0;
  life = 0;
  now = 0;
  wall_step = 0;
  hold_nanos = 0;
  databases = 0;
  ids = {};
  owners = {};
  connections = {};
  first_passwords = {};
  store_troubles = 0;
  disk_troubles = 0;
}

Ledger::Standing Ledger::standing(std::size_t database) const {
  Standing standing = Standing::absent;
  for (const Event& event : events()) {
    if (event.database != database) continue;
    const bool told_done = event.told == Told::done;
    if (event.act == Act::create && told_done) standing = Standing::there;
    if (event.act != Act::drop || standing == Standing::absent) continue;
    // A removal that did not reach the device, as far as anybody knows, may have reached it.
    const bool refused =
        event.told == Told::failed && event.code != static_cast<std::uint32_t>(ErrorCode::io_error);
    if (!refused) standing = told_done ? Standing::absent : Standing::doubtful;
  }
  return standing;
}

Event* Ledger::add(Act act, std::size_t database, std::int64_t now_nanos) {
  if (count_ == events_max) return nullptr;
  Event& event = events_[count_++];
  event.act = act;
  event.database = static_cast<std::uint8_t>(database);
  event.life = life;
  event.begin = now_nanos;
  return &event;
}

}  // namespace restored::simulation
