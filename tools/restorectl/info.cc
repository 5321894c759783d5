// restorectl info
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

}  // namespace

void add_info_verb(Verbs& verbs) {
  add_verb<InfoOptions>(verbs, verbs.app, "info", "Show the agent's version, limits and features",
                        "restorectl info", info, [](CLI::App&, InfoOptions&) {});
}

}  // namespace restored::ctl
