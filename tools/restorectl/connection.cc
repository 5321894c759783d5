// restorectl connection create | list | show | rotate | delete
#include <fmt/core.h>

#include <boost/json.hpp>

#include "fields.h"
#include "lookup.h"
#include "output.h"
#include "session.h"

namespace restored::ctl {
namespace {

struct CreateOptions {
  std::string database;
  std::string name;
};
struct ListOptions {
  std::string database;
};
struct OneOptions {
  std::string connection;
};

std::string path_of(const std::string& connection) {
  return "/v1/connections/" + segment(connection);
}

// Scripts take the string from the last line.
void print_secret(const Answer& answer, std::string_view what) {
  const auto& connection = answer.data();
  print_line(fmt::format("connection {} \"{}\" {}; its string is shown this once:\n{}",
                         text(connection, "id"), text(connection, "name"), what,
                         text(connection, "endpoints.direct.connectionString")));
}

Outcome create(const Session& session, const CreateOptions& options) {
  RESTORED_TRY(const auto id, database_id(session.agent, options.database));
  RESTORED_TRY(const auto answer,
               session.agent.post(fmt::format("/v1/databases/{}/connections", segment(id)),
                                  boost::json::object{{"name", options.name}}));
  if (!session.print_json(answer)) print_secret(answer, "created");
  return {};
}

// Of one database, or of all of them.
Outcome list(const Session& session, const ListOptions& options) {
  std::string target = "/v1/connections";
  if (!options.database.empty()) {
    RESTORED_TRY(const auto id, database_id(session.agent, options.database));
    target = fmt::format("/v1/databases/{}/connections", segment(id));
  }
  if (session.json) {
    RESTORED_TRY(const auto answer, session.agent.get(target + "?limit=1000"));
    session.print_json(answer);
    return {};
  }
  Table table({"ID", "NAME", "DATABASE", "HOST", "PORT", "CREATED"});
  RESTORED_TRY(for_each(session.agent, target, [&](const boost::json::value& connection) {
    table.add({text(connection, "id"), text(connection, "name"), text(connection, "database.name"),
               text(connection, "endpoints.direct.host"), text(connection, "endpoints.direct.port"),
               text(connection, "createdAt")});
    return true;
  }));
  table.print("no connections: restorectl connection create DATABASE NAME");
  return {};
}

Outcome show(const Session& session, const OneOptions& options) {
  RESTORED_TRY(const auto answer, session.agent.get(path_of(options.connection)));
  if (!session.print_json(answer)) print_fields(describe(answer.data()));
  return {};
}

Outcome rotate(const Session& session, const OneOptions& options) {
  RESTORED_TRY(const auto answer, session.agent.post(path_of(options.connection) + "/rotate"));
  if (!session.print_json(answer)) print_secret(answer, "has a new password");
  return {};
}

Outcome remove(const Session& session, const OneOptions& options) {
  RESTORED_TRY(const auto answer, session.agent.remove(path_of(options.connection)));
  if (session.print_json(answer)) return {};
  print_line(fmt::format("connection {} deleted", printable(options.connection)));
  return {};
}

void declare_one(CLI::App& verb, OneOptions& options) {
  verb.add_option("ID", options.connection, "Id of the connection")->required();
}

}  // namespace

void add_connection_verbs(Verbs& verbs) {
  CLI::App& group = add_group(verbs, "connection",
                              "Create, list, show, rotate and delete connections (credentials)");
  add_verb<CreateOptions>(
      verbs, group, "create", "Create a connection and print its string, once",
      "restorectl connection create shop checkout-service", create,
      [](CLI::App& verb, CreateOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name")->required();
        verb.add_option("NAME", options.name, "Name of the connection, 3 to 65 characters")
            ->required();
      });
  add_verb<ListOptions>(
      verbs, group, "list", "List the connections of a database, or of all",
      "restorectl connection list shop", list, [](CLI::App& verb, ListOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name (default: all)");
      });
  add_verb<OneOptions>(verbs, group, "show", "Show a connection, without its password",
                       "restorectl connection show con_ID", show, declare_one);
  add_verb<OneOptions>(verbs, group, "rotate",
                       "Give a connection a new password and print its string, once",
                       "restorectl connection rotate con_ID", rotate, declare_one);
  add_verb<OneOptions>(verbs, group, "delete", "Delete a connection; its password opens no more",
                       "restorectl connection delete con_ID", remove, declare_one);
}

}  // namespace restored::ctl
