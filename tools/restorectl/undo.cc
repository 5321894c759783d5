// restorectl undo DATABASE
#include <fmt/core.h>

#include "confirm.h"
#include "fields.h"
#include "follow.h"
#include "lookup.h"
#include "session.h"

namespace restored::ctl {
namespace {

struct UndoOptions {
  std::string database;
  std::optional<std::string> confirm;
  bool wait = false;
};

Outcome undo(const Session& session, const UndoOptions& options) {
  RESTORED_TRY(const auto id, database_id(session.agent, options.database));
  RESTORED_TRY(confirm(options.confirm, database_spellings(options.database, id),
                       fmt::format("this swaps database {} back to its previous content",
                                   printable(options.database))));
  RESTORED_TRY(const auto answer,
               session.agent.post(fmt::format("/v1/databases/{}/restore/undo", segment(id))));
  return accepted(
      session, answer,
      fmt::format("undo of {} accepted: operation {}", options.database, answer.operation_id),
      options.wait);
}

}  // namespace

void add_undo_verb(Verbs& verbs) {
  add_verb<UndoOptions>(
      verbs, verbs.app, "undo", "Swap a database back to the content that a restore replaced",
      "restorectl undo shop --confirm shop --wait", undo, [](CLI::App& verb, UndoOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name")->required();
        verb.add_option("--confirm", options.confirm, "DATABASE once more");
        verb.add_flag("--wait", options.wait, "Wait until it ended");
      });
}

}  // namespace restored::ctl
