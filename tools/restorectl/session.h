// What every verb gets: the agent to ask and how to print. And how verbs enrol themselves.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent.h"
#include "failure.h"

namespace restored::ctl {

struct Session {
  Agent agent;
  bool json = false;

  // With --json: prints the agent's body unchanged and returns true; else returns false. The
  // answer of a request that began an operation gets "operationId" beside "data".
  bool print_json(const Answer& answer) const;
};

// The command line is read whole before anything runs: parsing fills `chosen`.
struct Verbs {
  CLI::App& app;
  std::function<Outcome(const Session&)> chosen;
  // Instead of it, for a verb that asks no agent; gets --json.
  std::function<Outcome(bool)> offline;
};

// One verb: a subcommand whose options live as long as the program.
//   auto* verb = add_verb<ShowOptions>(verbs, parent, "show", "Show one", "restorectl x show ID",
//                                      run_show, [](CLI::App& verb, ShowOptions& options) {...});
template <class Options, class Declare>
void add_verb(Verbs& verbs, CLI::App& parent, const char* name, const char* purpose,
              const char* example, Outcome (*run)(const Session&, const Options&),
              Declare declare) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = parent.add_subcommand(name, purpose);
  verb->footer(std::string("\nExample:\n  ") + example);
  declare(*verb, *options);
  verb->callback([&verbs, options, run] {
    verbs.chosen = [options, run](const Session& session) { return run(session, *options); };
  });
}

// The same for a verb that asks no agent.
template <class Options, class Declare>
void add_offline_verb(Verbs& verbs, CLI::App& parent, const char* name, const char* purpose,
                      const char* example, Outcome (*run)(bool json, const Options&),
                      Declare declare) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = parent.add_subcommand(name, purpose);
  verb->footer(std::string("\nExample:\n  ") + example);
  declare(*verb, *options);
  verb->callback([&verbs, options, run] {
    verbs.offline = [options, run](bool json) { return run(json, *options); };
  });
}

CLI::App& add_group(Verbs& verbs, const char* name, const char* purpose);

void add_database_verbs(Verbs& verbs);
void add_connection_verbs(Verbs& verbs);
void add_backup_verbs(Verbs& verbs);
void add_restore_verb(Verbs& verbs);
void add_undo_verb(Verbs& verbs);
void add_repository_verbs(Verbs& verbs);
void add_operation_verbs(Verbs& verbs);
void add_limit_verbs(Verbs& verbs);
void add_token_verbs(Verbs& verbs);
void add_whoami_verb(Verbs& verbs);
void add_audit_verb(Verbs& verbs);
void add_info_verb(Verbs& verbs);
void add_completion_verb(Verbs& verbs);
void add_manual_verb(Verbs& verbs);

}  // namespace restored::ctl
