// INFO, TIME, BGSAVE, LASTSAVE.
#include <fmt/format.h>

#include <array>
#include <string>

#include "base/log.h"
#include "data/command.h"
#include "data/info.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

void info_command(Call& call) {
  call.reply.verbatim(info_text(call.client, call.arguments.subspan(1)));
}

void time_command(Call& call) {
  // The clock of the records is in milliseconds, and so is this.
  call.reply.array(2);
  call.reply.bulk(IntegerText(call.now / 1000).view());
  call.reply.bulk(IntegerText(call.now % 1000 * 1000).view());
}

Result<OperationView> start_backup(Client& client) {
  return client.server.engine.start_backup(client.database->id, "",
                                           "connection " + client.connection.value);
}

// Clients compare the text that Redis has for a save beside a save.
std::string backup_refusal(Client& client, const Error& error) {
  const bool busy =
      error.code == ErrorCode::database_busy || error.code == ErrorCode::database_recovering;
  const auto info = client.server.engine.database(client.database->id);
  if (busy && info && info->operation_kind) {
    if (*info->operation_kind == OperationKind::backup) {
      return "ERR Background save already in progress";
    }
    return fmt::format("ERR A {} of this database is running; save again when it has ended",
                       name(*info->operation_kind));
  }
  return fmt::format("ERR {}. {}", error.message, error.hint_text());
}

// A backup is this server's snapshot. Inside EXEC it starts when the transaction is committed.
void bgsave_command(Call& call) {
  const bool scheduled = call.count() == 2 && equals_ignoring_case(call.argument(1), "SCHEDULE");
  if (call.count() > 1 && !scheduled) return call.syntax_error();
  if (call.in_exec) {
    Client& client = call.client;
    call.after_exec->push_back([&client] {
      const auto started = start_backup(client);
      if (!started) log::warning("data", "a scheduled backup: {}", started.error().message);
    });
    return call.reply.simple("Background saving scheduled");
  }
  const auto started = start_backup(call.client);
  if (started) return call.reply.simple("Background saving started");
  call.reply.error(backup_refusal(call.client, started.error()));
}

void lastsave_command(Call& call) {
  call.reply.integer(last_backup_at(call.client));
}

constexpr std::array table{
    CommandSpec{.name = "info",
                .handler = info_command,
                .arity = -1,
                .flags = flag_loading | flag_stale | flag_worker,
                .categories = "@slow @dangerous",
                .tips = "nondeterministic_output request_policy:all_shards response_policy:special",
                .docs = {.summary = "Describes the server and the database",
                         .since = "1.0.0",
                         .group = "server",
                         .complexity = "O(1)",
                         .arguments = "section|string?*"}},
    CommandSpec{.name = "time",
                .handler = time_command,
                .arity = 1,
                .flags = flag_loading | flag_stale | flag_fast,
                .categories = "@fast",
                .tips = "nondeterministic_output",
                .docs = {.summary = "Tells the time",
                         .since = "2.6.0",
                         .group = "server",
                         .complexity = "O(1)"}},
    CommandSpec{.name = "bgsave",
                .handler = bgsave_command,
                .arity = -1,
                .flags = flag_admin | flag_noscript | flag_no_async_loading | flag_worker,
                .categories = "@admin @slow @dangerous",
                .docs = {.summary = "Starts a backup",
                         .since = "1.0.0",
                         .group = "server",
                         .complexity = "O(1)",
                         .arguments = "schedule|pure-token=SCHEDULE?~3.2.2"}},
    CommandSpec{.name = "lastsave",
                .handler = lastsave_command,
                .arity = 1,
                .flags = flag_loading | flag_stale | flag_fast | flag_worker,
                .categories = "@admin @fast @dangerous",
                .tips = "nondeterministic_output",
                .docs = {.summary = "Tells when the last backup was complete",
                         .since = "1.0.0",
                         .group = "server",
                         .complexity = "O(1)"}},
};

}  // namespace

std::span<const CommandSpec> server_commands() {
  return table;
}

}  // namespace restored::data
