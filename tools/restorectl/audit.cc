// restorectl audit
#include <fmt/core.h>

#include "fields.h"
#include "lookup.h"
#include "output.h"
#include "session.h"

namespace restored::ctl {
namespace {

struct AuditOptions {
  std::string database;
  std::string principal;
  std::string since;
  std::size_t limit = 50;
};

Answered<std::string> query_of(const Session& session, const AuditOptions& options) {
  std::string id;
  if (!options.database.empty()) {
    RESTORED_TRY(id, database_id(session.agent, options.database));
  }
  return query_text({{"databaseId", id},
                     {"principal", options.principal},
                     {"since", options.since},
                     {"limit", fmt::format("{}", options.limit)}});
}

std::string what(const boost::json::value& entry) {
  const std::string event = text(entry, "event");
  if (event == "operation-end") return "end of the operation";
  if (event == "retention-removal") return "removal by retention: " + text(entry, "reason");
  return fmt::format("{} {}", text(entry, "method"), text(entry, "path"));
}

std::string result(const boost::json::value& entry) {
  const std::string outcome = text(entry, "outcome");
  if (!outcome.empty()) return outcome;
  const std::string status = text(entry, "status");
  return status.empty() ? "no answer" : status;
}

Outcome audit(const Session& session, const AuditOptions& options) {
  RESTORED_TRY(const auto query, query_of(session, options));
  RESTORED_TRY(auto answer, session.agent.get("/v1/audit" + query));
  if (session.print_json(answer)) return {};
  Table table({"AT", "PRINCIPAL", "PEER", "WHAT", "RESULT", "ERROR", "OPERATION"});
  std::size_t shown = 0;
  // A page may hold fewer than there are: the agent looks at so many at a time.
  while (true) {
    const auto* entries = answer.data().if_array();
    for (const auto& entry : entries == nullptr ? boost::json::array() : *entries) {
      if (++shown > options.limit) break;
      table.add({text(entry, "at"), text(entry, "principal"), text(entry, "peer"), what(entry),
                 result(entry), text(entry, "errorCode"), text(entry, "operationId")});
    }
    const std::string cursor = text(answer.json, "pagination.nextCursor");
    if (cursor.empty() || shown >= options.limit) break;
    RESTORED_TRY(answer,
                 session.agent.get(fmt::format("/v1/audit{}&cursor={}", query, segment(cursor))));
  }
  table.print("no such request is on record");
  return {};
}

}  // namespace

void add_audit_verb(Verbs& verbs) {
  add_verb<AuditOptions>(
      verbs, verbs.app, "audit", "List what was asked for and how it ended, newest first",
      "restorectl audit --database shop --since 2026-11-22T00:00:00Z", audit,
      [](CLI::App& verb, AuditOptions& options) {
        verb.add_option("--database", options.database,
                        "Id or unique name: its own, and those "
                        "that read from it");
        verb.add_option("--principal", options.principal, "Of one token: token:NAME");
        verb.add_option("--since", options.since, "Not before this time in UTC");
        verb.add_option("--limit", options.limit, "How many at most")
            ->check(CLI::Range(1, 1000))
            ->capture_default_str();
      });
}

}  // namespace restored::ctl
