// restorectl token create | list | show | revoke, and whoami
#include <fmt/core.h>

#include <boost/json.hpp>

#include "fields.h"
#include "lookup.h"
#include "output.h"
#include "session.h"

namespace restored::ctl {
namespace {

struct CreateOptions {
  std::vector<std::string> scopes;
  std::string name = "restorectl";
};
struct ListOptions {};
struct OneOptions {
  std::string token;
};
struct WhoOptions {};

std::string scopes_of(const boost::json::value& token) {
  const auto* scopes = find(token, "scopes");
  if (scopes == nullptr || !scopes->is_array()) return "";
  std::string words;
  for (const auto& scope : scopes->get_array()) {
    words += (words.empty() ? "" : ",") + text(scope, "");
  }
  return words;
}

Outcome create(const Session& session, const CreateOptions& options) {
  boost::json::object body{{"name", options.name}};
  body["scopes"] = boost::json::array(options.scopes.begin(), options.scopes.end());
  RESTORED_TRY(const auto answer, session.agent.post("/v1/tokens", body));
  if (session.print_json(answer)) return {};
  const auto& token = answer.data();
  print_line(fmt::format("token {} \"{}\" ({}) created; it is shown this once:\n{}",
                         text(token, "id"), text(token, "name"), scopes_of(token),
                         text(token, "secret")));
  return {};
}

Outcome list(const Session& session, const ListOptions&) {
  if (session.json) {
    RESTORED_TRY(const auto answer, session.agent.get("/v1/tokens?limit=1000"));
    session.print_json(answer);
    return {};
  }
  Table table({"ID", "NAME", "SCOPES", "CREATED"});
  RESTORED_TRY(for_each(session.agent, "/v1/tokens", [&](const boost::json::value& token) {
    table.add({text(token, "id"), text(token, "name"), scopes_of(token), text(token, "createdAt")});
    return true;
  }));
  table.print("no tokens");
  return {};
}

Outcome show(const Session& session, const OneOptions& options) {
  RESTORED_TRY(const auto answer, session.agent.get("/v1/tokens/" + segment(options.token)));
  if (session.print_json(answer)) return {};
  const auto& token = answer.data();
  print_fields({{"id", text(token, "id")},
                {"name", text(token, "name")},
                {"scopes", scopes_of(token)},
                {"created", text(token, "createdAt")}});
  return {};
}

Outcome whoami(const Session& session, const WhoOptions&) {
  RESTORED_TRY(const auto answer, session.agent.get("/v1/me"));
  if (session.print_json(answer)) return {};
  print_fields({{"token", text(answer.data(), "credential.id")},
                {"name", text(answer.data(), "credential.name")}});
  return {};
}

Outcome revoke(const Session& session, const OneOptions& options) {
  RESTORED_TRY(const auto answer, session.agent.remove("/v1/tokens/" + segment(options.token)));
  if (session.print_json(answer)) return {};
  print_line(fmt::format("token {} revoked", printable(options.token)));
  return {};
}

}  // namespace

void add_token_verbs(Verbs& verbs) {
  CLI::App& group = add_group(verbs, "token", "Create, list, show and revoke control tokens");
  add_verb<CreateOptions>(
      verbs, group, "create", "Create a token and print it, once",
      "restorectl token create --scope read,restore --name dashboard", create,
      [](CLI::App& verb, CreateOptions& options) {
        verb.add_option("--scope", options.scopes, "read, write, restore; several with commas")
            ->required()
            ->delimiter(',')
            ->check(CLI::IsMember({"read", "write", "restore"}));
        verb.add_option("--name", options.name, "Name of the token")->capture_default_str();
      });
  add_verb<ListOptions>(verbs, group, "list", "List the tokens", "restorectl token list", list,
                        [](CLI::App&, ListOptions&) {});
  const auto declare_one = [](CLI::App& verb, OneOptions& options) {
    verb.add_option("ID", options.token, "Id of the token")->required();
  };
  add_verb<OneOptions>(verbs, group, "show", "Show a token, without its secret",
                       "restorectl token show ID", show, declare_one);
  add_verb<OneOptions>(verbs, group, "revoke", "Revoke a token", "restorectl token revoke ID",
                       revoke, declare_one);
}

void add_whoami_verb(Verbs& verbs) {
  add_verb<WhoOptions>(verbs, verbs.app, "whoami", "Show whose token this is", "restorectl whoami",
                       whoami, [](CLI::App&, WhoOptions&) {});
}

}  // namespace restored::ctl
