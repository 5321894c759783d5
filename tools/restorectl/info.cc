// restorectl info | openapi
#include "fields.h"
#include "output.h"
#include "session.h"

namespace restored::ctl {
namespace {

struct InfoOptions {};

Outcome info(const Session& session, const InfoOptions&) {
  RESTORED_TRY(const auto answer, session.agent.get("/v1/info"));
  if (!session.print_json(answer)) print_fields(describe(answer.data()));
  return {};
}

struct DescriptionOptions {};

// The same with --json: it is JSON.
Outcome description(const Session& session, const DescriptionOptions&) {
  RESTORED_TRY(const auto answer, session.agent.get("/v1/openapi.json"));
  print_line(answer.body);
  return {};
}

}  // namespace

void add_info_verb(Verbs& verbs) {
  add_verb<InfoOptions>(verbs, verbs.app, "info", "Show the agent's version, limits and features",
                        "restorectl info", info, [](CLI::App&, InfoOptions&) {});
  add_verb<DescriptionOptions>(
      verbs, verbs.app, "openapi", "Print the agent's description of its HTTP paths (OpenAPI 3.1)",
      "restorectl openapi", description, [](CLI::App&, DescriptionOptions&) {});
}

}  // namespace restored::ctl
