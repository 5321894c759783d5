#include <fmt/format.h>

#include "data/command.h"
#include "data/numbers.h"

namespace restored::data {

std::string storage_error_text(const Error& error) {
  const std::string_view hint = error.hint_text();
  return fmt::format("ERR storage: {} ({}).{}{}", error.message, facts(error.code).name,
                     hint.empty() ? "" : " ", hint);
}

// Clients know MISCONF: the server cannot persist, so it takes no writes, and reads go on.
std::string write_error_text(const Error& error) {
  if (error.code != ErrorCode::no_space && error.code != ErrorCode::io_error &&
      error.code != ErrorCode::storage_engine) {
    return storage_error_text(error);
  }
  const std::string_view hint = error.hint_text();
  return fmt::format(
      "MISCONF Errors writing to disk: {} ({}). Nothing was changed, reads still work.{}{}",
      error.message, facts(error.code).name, hint.empty() ? "" : " ", hint);
}

void Call::storage_error(const Error& error) const {
  reply.error(storage_error_text(error));
}

bool Call::find(std::string_view key, std::optional<StoredValue>& value) {
  auto found = view->get(key);
  if (!found) {
    storage_error(found.error());
    return false;
  }
  value = std::move(*found);
  if (value) client.database->big_keys.note(key, value->record.size());
  if (spec.has(flag_readonly)) {
    Counters& counters = client.database->counters;
    (value ? counters.hits : counters.misses).fetch_add(1, std::memory_order_relaxed);
  }
  return true;
}

void Call::note_found(std::string_view key, const record::Metadata* value) {
  ServedDatabase& database = *client.database;
  if (value != nullptr) database.big_keys.note(key, value->payload.size());
  auto& counter = value != nullptr ? database.counters.hits : database.counters.misses;
  counter.fetch_add(1, std::memory_order_relaxed);
}

bool Call::find_string(std::string_view key, std::optional<StoredValue>& value) {
  if (!find(key, value)) return false;
  if (value && value->type != record::Type::string) {
    reply.error("WRONGTYPE Operation against a key holding the wrong kind of value");
    return false;
  }
  return true;
}

bool Call::integer(std::size_t index, std::int64_t& value) {
  const auto parsed = parse_integer(arguments[index]);
  if (!parsed) {
    reply.error("ERR value is not an integer or out of range");
    return false;
  }
  value = *parsed;
  return true;
}

}  // namespace restored::data
