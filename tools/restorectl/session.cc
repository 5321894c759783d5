#include "session.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <cstdio>

namespace restored::ctl {

bool Session::print_json(const Answer& answer) const {
  if (!json) return false;
  if (answer.body.empty()) return true;
  if (!answer.operation_id.empty() && answer.json.is_object()) {
    boost::json::object body = answer.json.get_object();
    body["operationId"] = answer.operation_id;
    fmt::print(stdout, "{}\n", boost::json::serialize(body));
    return true;
  }
  fmt::print(stdout, "{}{}", answer.body, answer.body.ends_with('\n') ? "" : "\n");
  return true;
}

CLI::App& add_group(Verbs& verbs, const char* name, const char* purpose) {
  CLI::App* group = verbs.app.add_subcommand(name, purpose);
  group->require_subcommand(1);
  return *group;
}

}  // namespace restored::ctl
