// restorectl limit show | set
#include <fmt/core.h>

#include <boost/json.hpp>

#include "fields.h"
#include "output.h"
#include "rate.h"
#include "session.h"

namespace restored::ctl {
namespace {

struct ShowOptions {};
struct SetOptions {
  std::string rate;
};

void print_limit(const Answer& answer) {
  print_line(fmt::format("the agent and its repository: {}, {}",
                         limit_text(number(answer.data(), "bandwidthBytesPerSecond").value_or(0)),
                         text(answer.data(), "lasts")));
}

Outcome show(const Session& session, const ShowOptions&) {
  RESTORED_TRY(const auto answer, session.agent.get("/v1/limits"));
  if (!session.print_json(answer)) print_limit(answer);
  return {};
}

Outcome set(const Session& session, const SetOptions& options) {
  RESTORED_TRY(const std::uint64_t rate, parse_rate(options.rate));
  RESTORED_TRY(const auto answer,
               session.agent.patch("/v1/limits", {{"bandwidthBytesPerSecond", rate}}));
  if (session.print_json(answer)) return {};
  print_limit(answer);
  print_line("store.bandwidth in the configuration is what it begins with.");
  return {};
}

}  // namespace

void add_limit_verbs(Verbs& verbs) {
  CLI::App& group =
      add_group(verbs, "limit", "Show and change the bandwidth between agent and repository");
  add_verb<ShowOptions>(verbs, group, "show", "Show the agent's limit", "restorectl limit show",
                        show, [](CLI::App&, ShowOptions&) {});
  add_verb<SetOptions>(
      verbs, group, "set", "Change the agent's limit, at once, until its next start",
      "restorectl limit set 100MiB", set, [](CLI::App& verb, SetOptions& options) {
        verb.add_option("RATE", options.rate, "Bytes a second, like 100MiB, or none")->required();
      });
}

}  // namespace restored::ctl
