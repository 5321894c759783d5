// restorectl database create | list | show | update | usage | schedule | delete
#include <fmt/core.h>

#include <boost/json.hpp>

#include "confirm.h"
#include "fields.h"
#include "follow.h"
#include "lookup.h"
#include "output.h"
#include "schedule.h"
#include "session.h"

namespace restored::ctl {
namespace {

struct CreateOptions {
  std::string name;
  std::string project = "default";
  std::optional<std::string> region;
  std::optional<std::string> from_backup;
  std::optional<std::string> from_database;
  std::optional<std::string> source;
  std::optional<std::string> logical_id;
  bool is_default = false;
  bool wait = false;
};

// "empty", or which backup or database the content came from.
std::string origin(const boost::json::value& database) {
  for (const auto* member : {"source.backupId", "source.databaseId"})
    if (const auto source = text(database, member); !source.empty()) return source;
  return text(database, "source.type");
}

void print_created(const boost::json::value& database) {
  print_line(fmt::format("database {} \"{}\" created ({})", text(database, "id"),
                         text(database, "name"), text(database, "status")));
  if (const auto* connections = find(database, "connections");
      connections != nullptr && connections->is_array()) {
    for (const auto& connection : connections->get_array()) {
      const std::string string = text(connection, "endpoints.direct.connectionString");
      if (string.empty()) continue;
      print_line(fmt::format("connection {} \"{}\", shown this once:\n{}", text(connection, "id"),
                             text(connection, "name"), string));
    }
  }
}

Outcome create(const Session& session, const CreateOptions& options) {
  boost::json::object body{{"name", options.name}, {"projectId", options.project}};
  if (options.region) body["region"] = *options.region;
  if (options.logical_id) body["logicalId"] = *options.logical_id;
  if (options.is_default) body["isDefault"] = true;
  if (options.from_backup) {
    std::string source;
    if (options.source) {
      RESTORED_TRY(source, database_id(session.agent, *options.source));
    } else {
      RESTORED_TRY(source, database_of_backup(session.agent, *options.from_backup));
    }
    body["source"] = {
        {"type", "backup"}, {"databaseId", source}, {"backupId", *options.from_backup}};
  }
  if (options.from_database) {
    RESTORED_TRY(const auto source, database_id(session.agent, *options.from_database));
    body["source"] = {{"type", "database"}, {"databaseId", source}};
  }
  RESTORED_TRY(const auto answer, session.agent.post("/v1/databases", body));
  // The connection string stands in this answer only, so of --json it is the one that is printed;
  // the operation's end is told by the exit status.
  const bool printed = session.print_json(answer);
  if (!printed) print_created(answer.data());
  if (answer.operation_id.empty()) return {};
  if (!options.wait) {
    if (printed) return {};
    return accepted(session, answer,
                    fmt::format("its {} is operation {}",
                                options.from_database ? "clone" : "restore", answer.operation_id),
                    false);
  }
  RESTORED_TRY(const auto last, follow(session, answer.operation_id));
  if (text(last.data(), "status") != "succeeded") return conclude(session, last);
  // No word of undo: it would take the database back to nothing.
  if (!printed) {
    const std::string from = options.from_database ? "what " + *options.from_database + " had"
                                                   : "backup " + *options.from_backup;
    print_line(fmt::format("{} holds {}", text(answer.data(), "id"), printable(from)));
  }
  return {};
}

struct ListOptions {
  std::string project;
  std::string logical_id;
};

Outcome list(const Session& session, const ListOptions& options) {
  const auto target = [&options](std::string_view limit) {
    return "/v1/databases" + query_text({{"projectId", options.project},
                                         {"logicalId", options.logical_id},
                                         {"limit", limit}});
  };
  if (session.json) {
    RESTORED_TRY(const auto answer, session.agent.get(target("1000")));
    session.print_json(answer);
    return {};
  }
  Table table({"ID", "NAME", "STATUS", "CONTENT FROM", "CREATED"});
  RESTORED_TRY(for_each(session.agent, target(""), [&](const boost::json::value& database) {
    table.add({text(database, "id"), text(database, "name"), text(database, "status"),
               origin(database), text(database, "createdAt")});
    return true;
  }));
  const bool all = options.project.empty() && options.logical_id.empty();
  table.print(all ? "no databases yet: restorectl database create NAME" : "no such database");
  return {};
}

struct ShowOptions {
  std::string database;
};

Outcome show(const Session& session, const ShowOptions& options) {
  RESTORED_TRY(const auto id, database_id(session.agent, options.database));
  RESTORED_TRY(const auto answer, session.agent.get("/v1/databases/" + segment(id)));
  if (session.print_json(answer)) return {};
  const auto& database = answer.data();
  // The contract's body has no word of it; an agent that does not know the path has none either.
  const auto undo = session.agent.get(fmt::format("/v1/databases/{}/restore/undo", segment(id)));
  const bool possible = undo && text(undo->data(), "possible") == "yes";
  const std::string until = undo ? text(undo->data(), "until") : "";
  print_fields({{"id", text(database, "id")},
                {"name", text(database, "name")},
                {"status", text(database, "status")},
                {"content from", origin(database)},
                {"project", text(database, "project.name")},
                {"region", text(database, "region.id")},
                {"created", text(database, "createdAt")},
                {"undo", possible ? fmt::format("possible until {}", until) : ""}});
  const auto* connections = find(database, "connections");
  if (connections == nullptr || !connections->is_array()) return {};
  print_line("");
  Table table({"CONNECTION", "NAME", "HOST", "PORT", "CREATED"});
  for (const auto& connection : connections->get_array()) {
    table.add({text(connection, "id"), text(connection, "name"),
               text(connection, "endpoints.direct.host"), text(connection, "endpoints.direct.port"),
               text(connection, "createdAt")});
  }
  table.print("no connections: restorectl connection create DATABASE NAME");
  return {};
}

struct UpdateOptions {
  std::string database;
  std::optional<std::string> name;
  std::optional<std::string> logical_id;
};

Outcome update(const Session& session, const UpdateOptions& options) {
  boost::json::object body;
  if (options.name) body["name"] = *options.name;
  if (options.logical_id) body["logicalId"] = *options.logical_id;
  RESTORED_TRY(const auto id, database_id(session.agent, options.database));
  RESTORED_TRY(const auto answer, session.agent.patch("/v1/databases/" + segment(id), body));
  if (session.print_json(answer)) return {};
  const std::string logical = text(answer.data(), "logicalId");
  print_line(fmt::format("database {} is \"{}\"{}", text(answer.data(), "id"),
                         text(answer.data(), "name"),
                         logical.empty() ? "" : ", with the logical id " + logical));
  return {};
}

struct UsageOptions {
  std::string database;
  std::optional<std::string> from;
  std::optional<std::string> to;
};

Outcome usage(const Session& session, const UsageOptions& options) {
  RESTORED_TRY(const auto id, database_id(session.agent, options.database));
  std::string target = fmt::format("/v1/databases/{}/usage", segment(id));
  char separator = '?';
  for (const auto& [name, value] :
       {std::pair{"startDate", &options.from}, {"endDate", &options.to}}) {
    if (!*value) continue;
    target += fmt::format("{}{}={}", separator, name, segment(**value));
    separator = '&';
  }
  RESTORED_TRY(const auto answer, session.agent.get(target));
  if (session.print_json(answer)) return {};
  const auto& used = answer.data();
  print_fields({{"from", text(used, "period.start")},
                {"to", text(used, "period.end")},
                {"commands", text(used, "metrics.operations.used")},
                {"stored now",
                 fmt::format("{:.3f} GiB", number(used, "metrics.storage.used").value_or(0))}});
  return {};
}

struct DeleteOptions {
  std::string database;
  std::optional<std::string> confirm;
};

Outcome remove(const Session& session, const DeleteOptions& options) {
  RESTORED_TRY(const auto id, database_id(session.agent, options.database));
  RESTORED_TRY(confirm(
      options.confirm, database_spellings(options.database, id),
      fmt::format("this deletes database {} with its connections", printable(options.database))));
  RESTORED_TRY(const auto answer, session.agent.remove("/v1/databases/" + segment(id)));
  if (session.print_json(answer)) return {};
  print_line(fmt::format("database {} deleted; its backups stay in the repository", id));
  return {};
}

}  // namespace

void add_database_verbs(Verbs& verbs) {
  CLI::App& group =
      add_group(verbs, "database", "Create, list, show, update, schedule and delete databases");
  add_verb<CreateOptions>(
      verbs, group, "create", "Create a database and its first connection",
      "restorectl database create shop\n"
      "  restorectl database create shop-copy --from-backup BACKUP --wait\n"
      "  restorectl database create shop-copy --from-database shop --wait",
      create, [](CLI::App& verb, CreateOptions& options) {
        verb.add_option("NAME", options.name, "Name of the database")->required();
        verb.add_option("--project", options.project, "Project that it belongs to")
            ->capture_default_str();
        verb.add_option("--region", options.region, "Region to record");
        verb.add_option("--logical-id", options.logical_id,
                        "Identity of your own choice, unique in its project");
        verb.add_flag("--default", options.is_default,
                      "Make it the project's default database, which cannot be deleted");
        auto* backup = verb.add_option("--from-backup", options.from_backup,
                                       "Restore this backup into the new database");
        verb.add_option("--source", options.source,
                        "Database that the backup belongs to (default: the agent knows)")
            ->needs(backup);
        auto* clone =
            verb.add_option("--from-database", options.from_database,
                            "Clone what this database of the host has now; no store is needed");
        clone->excludes(backup);
        auto* wait = verb.add_flag("--wait", options.wait, "Wait until its content is there");
        verb.parse_complete_callback([wait, backup, clone] {
          if (wait->count() > 0 && backup->count() + clone->count() == 0)
            throw CLI::RequiresError("--wait", "--from-backup or --from-database");
        });
      });
  add_verb<ListOptions>(
      verbs, group, "list", "List the databases of this host",
      "restorectl database list --project shop", list, [](CLI::App& verb, ListOptions& options) {
        verb.add_option("--project", options.project, "Of this project");
        verb.add_option("--logical-id", options.logical_id, "With this logical id");
      });
  add_verb<ShowOptions>(
      verbs, group, "show", "Show a database and its connections", "restorectl database show shop",
      show, [](CLI::App& verb, ShowOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name")->required();
      });
  add_verb<UpdateOptions>(
      verbs, group, "update", "Give a database another name or logical id",
      "restorectl database update shop --name checkout", update,
      [](CLI::App& verb, UpdateOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name")->required();
        auto* name = verb.add_option("--name", options.name, "Its new name");
        auto* logical = verb.add_option("--logical-id", options.logical_id,
                                        "Identity of your own choice, unique in its project");
        verb.parse_complete_callback([name, logical] {
          if (name->count() + logical->count() == 0)
            throw CLI::RequiredError("--name or --logical-id");
        });
      });
  add_verb<UsageOptions>(
      verbs, group, "usage", "Show how many commands a database has served, and what it holds",
      "restorectl database usage shop\n"
      "  restorectl database usage shop --from 2026-11-01T00:00:00Z --to 2026-11-15T00:00:00Z",
      usage, [](CLI::App& verb, UsageOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name")->required();
        verb.add_option("--from", options.from,
                        "Time in UTC (default: the begin of the month); its whole day counts");
        verb.add_option("--to", options.to, "Time in UTC (default: now); its whole day counts");
      });
  add_schedule_verb(verbs, group);
  add_verb<DeleteOptions>(
      verbs, group, "delete", "Delete a database for good; its backups stay",
      "restorectl database delete shop --confirm shop", remove,
      [](CLI::App& verb, DeleteOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name")->required();
        verb.add_option("--confirm", options.confirm, "DATABASE once more");
      });
}

}  // namespace restored::ctl
