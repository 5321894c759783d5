// restorectl restore DATABASE --backup ID
#include <fmt/core.h>

#include <boost/json.hpp>

#include "confirm.h"
#include "fields.h"
#include "follow.h"
#include "lookup.h"
#include "output.h"
#include "rate.h"
#include "session.h"

namespace restored::ctl {
namespace {

constexpr const char* hold_stage = "hold=stage";

struct RestoreOptions {
  std::string database;
  std::string backup;
  std::optional<std::string> source;
  std::optional<std::string> confirm;
  std::optional<std::string> bandwidth;
  bool validate = false;
  bool hold = false;
  bool wait = false;
};

// The agent cannot know that --source was left out.
Failure with_source_hint(Failure failure, const RestoreOptions& options) {
  if (failure.error.code == ErrorCode::backup_not_found && !options.source) {
    failure.error.hint = fmt::format(
        "List the backups of the database: restorectl backup list {}. The backup of "
        "another database needs --source DATABASE.",
        options.database);
  }
  return failure;
}

// An agent that does not know the preference has begun a restore that does not stop.
Outcome require_hold(const Answer& answer) {
  if (answer.applied == hold_stage) return {};
  return fail(ErrorCode::unsupported_format,
              fmt::format("this agent is too old to hold a restore: operation {} will swap",
                          answer.operation_id),
              fmt::format("To keep the old data: restorectl operation cancel {}, at once.",
                          answer.operation_id));
}

void print_preview(const boost::json::value& preview) {
  print_fields({{"backup", text(preview, "backup.id")},
                {"made", text(preview, "backup.createdAt")},
                {"content", bytes_text(bytes(preview, "backup.contentBytes"))},
                {"records", text(preview, "backup.entries")},
                {"replaces all of", text(preview, "database.id")},
                {"needs", bytes_text(bytes(preview, "stagingBytes"))},
                {"free", bytes_text(bytes(preview, "freeBytes"))},
                {"already here", "at most " + bytes_text(bytes(preview, "reusableBytes"))}});
}

Outcome restore(const Session& session, const RestoreOptions& options) {
  std::uint64_t rate = 0;
  if (options.bandwidth) {
    RESTORED_TRY(rate, parse_rate(*options.bandwidth));
  }
  RESTORED_TRY(const auto target, database_id(session.agent, options.database));
  std::string source = target;
  if (options.source) {
    RESTORED_TRY(source, database_id(session.agent, *options.source));
  }
  if (!options.validate) {
    RESTORED_TRY(
        confirm(options.confirm, database_spellings(options.database, target),
                fmt::format("this replaces all data of database {}, and what an undo of an earlier "
                            "restore could bring back",
                            printable(options.database))));
  }
  boost::json::object body;
  body["source"] = {{"type", "backup"}, {"databaseId", source}, {"backupId", options.backup}};
  const std::string path = fmt::format("/v1/databases/{}/restore{}", segment(target),
                                       options.validate ? "/validate" : "");
  auto answer = options.hold ? session.agent.post_preferring(hold_stage, path, body)
                             : session.agent.post(path, body);
  if (!answer) return std::unexpected(with_source_hint(std::move(answer).error(), options));
  if (options.validate) {
    if (session.print_json(*answer)) return {};
    print_line(fmt::format("a restore of backup {} into {} would be accepted; nothing was touched",
                           options.backup, options.database));
    print_preview(answer->data());
    return {};
  }
  // Before all else that may fail: it says how to keep the old data.
  if (options.hold) RESTORED_TRY(require_hold(*answer));
  if (rate != 0) {
    RESTORED_TRY(limit_begun(session.agent, answer->operation_id, rate));
  }
  std::string sentence = fmt::format("restore of backup {} into {} accepted: operation {}",
                                     options.backup, options.database, answer->operation_id);
  if (!options.hold) return accepted(session, *answer, sentence, options.wait);
  sentence += fmt::format("\nit stops before its swap:  restorectl operation commit {}",
                          answer->operation_id);
  return accepted(session, *answer, sentence, options.wait, Held::is_the_goal);
}

}  // namespace

void add_restore_verb(Verbs& verbs) {
  add_verb<RestoreOptions>(
      verbs, verbs.app, "restore",
      "Replace all data of a database with a backup; connections and passwords stay",
      "restorectl restore shop --backup BACKUP --validate\n"
      "  restorectl restore shop --backup BACKUP --confirm shop --wait\n"
      "  restorectl restore shop --backup BACKUP --confirm shop --hold --wait",
      restore, [](CLI::App& verb, RestoreOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name of the target")
            ->required();
        verb.add_option("--backup", options.backup, "Id of the backup")->required();
        verb.add_option("--source", options.source,
                        "Database that the backup belongs to (default: the target)");
        auto* confirm = verb.add_option("--confirm", options.confirm, "DATABASE once more");
        auto* bandwidth =
            verb.add_option("--bandwidth", options.bandwidth, "Limit, bytes a second, like 100MiB");
        auto* wait = verb.add_flag("--wait", options.wait, "Wait until it ended, with progress");
        auto* hold = verb.add_flag(
            "--hold", options.hold,
            "Fetch and verify, but swap only after: restorectl operation commit ID. Until then the "
            "old data serves; with --wait, wait until it is ready for that");
        verb.add_flag("--validate", options.validate,
                      "Only check: every answer that the restore would give, touching nothing")
            ->excludes(confirm)
            ->excludes(bandwidth)
            ->excludes(hold)
            ->excludes(wait);
      });
}

}  // namespace restored::ctl
