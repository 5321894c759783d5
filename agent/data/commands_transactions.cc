// MULTI, EXEC, DISCARD, WATCH, UNWATCH.
#include <array>

#include "data/command.h"

namespace restored::data {
namespace {

void multi_command(Call& call) {
  if (call.client.in_transaction) return call.reply.error("ERR MULTI calls can not be nested");
  call.client.in_transaction = true;
  call.client.record->queued = 0;
  call.reply.ok();
}

void discard_command(Call& call) {
  if (!call.client.in_transaction) return call.reply.error("ERR DISCARD without MULTI");
  call.client.end_transaction();
  call.reply.ok();
}

// Whether there is room for all of them: they are watched together or not at all.
bool watchable(const Client& client, Arguments keys) {
  std::size_t bytes = 0;
  for (const std::string_view key : keys) {
    if (!client.watch.watches(key)) bytes += Watch::bytes_of(key);
  }
  return bytes <= client.transaction_bytes_left();
}

void watch_command(Call& call) {
  Client& client = call.client;
  if (client.in_transaction) {
    return call.reply.error("ERR WATCH inside MULTI is not allowed");
  }
  const Arguments keys = call.arguments.subspan(1);
  if (!watchable(client, keys)) {
    return call.reply.error("ERR too many watched keys: UNWATCH some, or EXEC");
  }
  const auto pin = client.database->keyspace->pin();
  const View view(*pin, call.now, false);
  for (const std::string_view key : keys) {
    if (client.watch.watches(key)) continue;
    client.watch.add(client.database->watches, key, pin->number());
    // Listed first, read then: no change in between is missed.
    const auto value = view.get(key);
    if (!value) return call.storage_error(value.error());
    if (*value && (*value)->expires_at) client.watch.note_expiry(*(*value)->expires_at);
  }
  call.reply.ok();
}

void unwatch_command(Call& call) {
  // At the end of EXEC all is forgotten anyway, and a repeated attempt still has to look.
  if (!call.in_exec) call.client.watch.clear();
  call.reply.ok();
}

constexpr std::array table{
    CommandSpec{.name = "multi",
                .handler = multi_command,
                .arity = 1,
                .flags = flag_noscript | flag_loading | flag_stale | flag_fast | flag_allow_busy |
                         flag_immediate,
                .categories = "@fast @transaction",
                .docs = {.summary = "Begins a transaction",
                         .since = "1.2.0",
                         .group = "transactions",
                         .complexity = "O(1)"}},
    CommandSpec{
        .name = "exec",
        .handler = nullptr,  // dispatched apart, for it waits and tries again: exec.cc
        .arity = 1,
        .flags = flag_noscript | flag_loading | flag_stale | flag_skip_slowlog | flag_immediate,
        .categories = "@slow @transaction",
        .docs = {.summary = "Runs the transaction",
                 .since = "1.2.0",
                 .group = "transactions",
                 .complexity = "Depends on commands in the transaction"}},
    CommandSpec{.name = "discard",
                .handler = discard_command,
                .arity = 1,
                .flags = flag_noscript | flag_loading | flag_stale | flag_fast | flag_allow_busy |
                         flag_immediate,
                .categories = "@fast @transaction",
                .docs = {.summary = "Drops the transaction",
                         .since = "2.0.0",
                         .group = "transactions",
                         .complexity = "O(N)"}},
    CommandSpec{.name = "watch",
                .handler = watch_command,
                .arity = -2,
                .flags = flag_noscript | flag_loading | flag_stale | flag_fast | flag_allow_busy |
                         flag_immediate,
                .keys = {1, -1, 1},
                .categories = "@fast @transaction",
                .key_flags = "RO",
                .docs = {.summary = "Lets EXEC fail when one of the keys changes",
                         .since = "2.2.0",
                         .group = "transactions",
                         .complexity = "O(N)",
                         .arguments = "key|key@0*"}},
    CommandSpec{.name = "unwatch",
                .handler = unwatch_command,
                .arity = 1,
                .flags = flag_noscript | flag_loading | flag_stale | flag_fast | flag_allow_busy,
                .categories = "@fast @transaction",
                .docs = {.summary = "Forgets the watched keys",
                         .since = "2.2.0",
                         .group = "transactions",
                         .complexity = "O(1)"}},
};

}  // namespace

std::span<const CommandSpec> transaction_commands() {
  return table;
}

}  // namespace restored::data
