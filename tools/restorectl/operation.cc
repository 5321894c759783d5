// restorectl operation list | show | wait | watch | commit | cancel | limit
#include <fmt/core.h>

#include "fields.h"
#include "follow.h"
#include "lookup.h"
#include "output.h"
#include "rate.h"
#include "session.h"
#include "watch.h"

namespace restored::ctl {
namespace {

struct ListOptions {
  std::string database;
  std::string kind;
  std::string status;
};
struct OneOptions {
  std::string operation;
  std::optional<int> timeout;
};

std::string path_of(const std::string& operation) {
  return "/v1/operations/" + segment(operation);
}

std::string done(const boost::json::value& operation) {
  const auto total = bytes(operation, "bytesTotal");
  if (total == 0) return "";
  return fmt::format("{} of {}", bytes_text(bytes(operation, "bytesDone")), bytes_text(total));
}

Outcome list(const Session& session, const ListOptions& options) {
  std::string database;
  if (!options.database.empty()) {
    RESTORED_TRY(database, database_id(session.agent, options.database));
  }
  const auto target = [&](std::string_view limit) {
    return "/v1/operations" + query_text({{"databaseId", database},
                                          {"kind", options.kind},
                                          {"status", options.status},
                                          {"limit", limit}});
  };
  if (session.json) {
    RESTORED_TRY(const auto answer, session.agent.get(target("1000")));
    session.print_json(answer);
    return {};
  }
  Table table({"ID", "KIND", "STATUS", "PHASE", "DATABASE", "DONE", "CREATED"});
  RESTORED_TRY(for_each(session.agent, target(""), [&](const boost::json::value& operation) {
    table.add({text(operation, "id"), text(operation, "kind"), text(operation, "status"),
               text(operation, "phase"), text(operation, "databaseId"), done(operation),
               text(operation, "createdAt")});
    return true;
  }));
  const bool all = database.empty() && options.kind.empty() && options.status.empty();
  table.print(all ? "no operations in the last 30 days" : "no such operation");
  return {};
}

// Of each program of the operator that it ran: how it ended, and what it wrote.
void print_hooks(const boost::json::value& operation) {
  const auto* hooks = find(operation, "hooks");
  if (hooks == nullptr || !hooks->is_array()) return;
  for (const auto& hook : hooks->get_array()) {
    const std::string status = text(hook, "exitStatus");
    std::string end = status.empty() ? "no exit status" : "exit status " + status;
    const auto* late = find(hook, "timedOut");
    if (late != nullptr && *late == boost::json::value(true)) end += ", killed after its time";
    const std::string output = text(hook, "output");
    print_line(fmt::format("hook {}: {} ({}){}{}", printable(text(hook, "event")), end,
                           seconds_text(number(hook, "seconds").value_or(0)),
                           output.empty() ? "" : ": ", printable(output)));
  }
}

Outcome show(const Session& session, const OneOptions& options) {
  RESTORED_TRY(const auto answer, session.agent.get(path_of(options.operation)));
  if (session.print_json(answer)) return {};
  auto rows = describe(answer.data());
  // What it waits for is one sentence.
  std::erase_if(rows, [](const auto& row) {
    return row.first == "waitingOn" || row.first == "waitingSince" || row.first == "waitAttempts" ||
           row.first == "hooks";
  });
  print_fields(rows);
  if (const auto waits = wait_words(answer.data()); !waits.empty()) print_line(waits);
  print_hooks(answer.data());
  return {};
}

Outcome wait(const Session& session, const OneOptions& options) {
  std::optional<std::chrono::seconds> patience;
  if (options.timeout) patience = std::chrono::seconds(*options.timeout);
  RESTORED_TRY(const auto last, follow(session, options.operation, patience));
  return conclude(session, last);
}

Outcome watch_one(const Session& session, const OneOptions& options) {
  return watch(session, options.operation);
}

Outcome cancel(const Session& session, const OneOptions& options) {
  RESTORED_TRY(const auto answer, session.agent.remove(path_of(options.operation)));
  if (session.print_json(answer)) return {};
  print_line(fmt::format("operation {} is being cancelled; the old data keeps serving",
                         printable(options.operation)));
  return {};
}

struct CommitOptions {
  std::string operation;
  bool wait = false;
};

Outcome commit(const Session& session, const CommitOptions& options) {
  RESTORED_TRY(const auto answer, session.agent.post(path_of(options.operation) + "/commit"));
  return accepted(session, answer,
                  fmt::format("restore {} is committed: its swap follows at once, or as soon as "
                              "everything is staged",
                              printable(options.operation)),
                  options.wait);
}

struct LimitOptions {
  std::string operation;
  std::string rate;
};

Outcome limit(const Session& session, const LimitOptions& options) {
  RESTORED_TRY(const std::uint64_t rate, parse_rate(options.rate));
  RESTORED_TRY(const auto answer, session.agent.patch(path_of(options.operation),
                                                      {{"bandwidthBytesPerSecond", rate}}));
  if (session.print_json(answer)) return {};
  print_line(fmt::format("operation {}: {}", printable(options.operation),
                         limit_text(static_cast<double>(rate))));
  return {};
}

void declare_one(CLI::App& verb, OneOptions& options) {
  verb.add_option("ID", options.operation, "Id of the operation")->required();
}

}  // namespace

void add_operation_verbs(Verbs& verbs) {
  CLI::App& group =
      add_group(verbs, "operation", "List, show, follow, commit, limit and cancel operations");
  add_verb<ListOptions>(
      verbs, group, "list", "List the operations of the last 30 days",
      "restorectl operation list --database shop --status failed", list,
      [](CLI::App& verb, ListOptions& options) {
        verb.add_option("--database", options.database, "Of this database: id or unique name");
        verb.add_option("--kind", options.kind, "backup, restore, undo or verify");
        verb.add_option("--status", options.status, "running, succeeded, failed or cancelled");
      });
  add_verb<OneOptions>(verbs, group, "show", "Show an operation", "restorectl operation show ID",
                       show, declare_one);
  add_verb<OneOptions>(
      verbs, group, "wait",
      "Follow an operation to its end; the exit status tells its outcome (75: it is held, and "
      "waits "
      "for its commit)",
      "restorectl operation wait ID --timeout 600", wait, [](CLI::App& verb, OneOptions& options) {
        declare_one(verb, options);
        verb.add_option("--timeout", options.timeout, "Give up after so many seconds; it goes on")
            ->check(CLI::NonNegativeNumber);
      });
  add_verb<OneOptions>(verbs, group, "watch",
                       "Print what an operation does as it happens, a line each, to its end; the "
                       "exit status tells its outcome (--json: the agent's events)",
                       "restorectl operation watch ID", watch_one, declare_one);
  add_verb<OneOptions>(verbs, group, "cancel", "Cancel an operation; refused once a swap has begun",
                       "restorectl operation cancel ID", cancel, declare_one);
  add_verb<CommitOptions>(
      verbs, group, "commit", "Let a restore that is held (restore --hold) go on to its swap",
      "restorectl operation commit ID --wait", commit, [](CLI::App& verb, CommitOptions& options) {
        verb.add_option("ID", options.operation, "Id of the operation")->required();
        verb.add_flag("--wait", options.wait, "Wait until it ended, with progress");
      });
  add_verb<LimitOptions>(
      verbs, group, "limit", "Limit the bandwidth of a running operation, at once",
      "restorectl operation limit ID 50MiB", limit, [](CLI::App& verb, LimitOptions& options) {
        verb.add_option("ID", options.operation, "Id of the operation")->required();
        verb.add_option("RATE", options.rate, "Bytes a second, like 50MiB, or none")->required();
      });
}

}  // namespace restored::ctl
