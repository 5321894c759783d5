#include "schedule.h"

#include <fmt/core.h>

#include <boost/json.hpp>

#include "fields.h"
#include "lookup.h"
#include "output.h"

namespace restored::ctl {
namespace {

struct ScheduleOptions {
  std::string database;
  std::optional<std::string> daily;
};

std::string kept_text(const boost::json::value& schedule) {
  const auto days = number(schedule, "keepDays").value_or(0);
  const auto count = number(schedule, "keepCount").value_or(0);
  if (days == 0 && count == 0) return "until they are deleted";
  if (days == 0) return fmt::format("the newest {}", count);
  return fmt::format("{} days, and the newest {}", days, std::max(count, decltype(count){1}));
}

std::string state_text(const boost::json::value& schedule) {
  const bool on = text(schedule, "enabled") == "yes";
  const bool chosen = !text(schedule, "daily").empty();
  return fmt::format("{}{}", on ? "on" : "off", chosen ? "" : ", by the configuration");
}

Outcome schedule(const Session& session, const ScheduleOptions& options) {
  RESTORED_TRY(const auto id, database_id(session.agent, options.database));
  const std::string path = fmt::format("/v1/databases/{}/schedule", segment(id));
  boost::json::value daily = nullptr;
  if (options.daily && *options.daily != "default") daily = *options.daily == "on";
  RESTORED_TRY(const auto answer,
               options.daily ? session.agent.patch(path, boost::json::object{{"daily", daily}})
                             : session.agent.get(path));
  if (session.print_json(answer)) return {};
  const auto& found = answer.data();
  print_fields({{"scheduled backups", state_text(found)},
                {"every", fmt::format("{} s", number(found, "everySeconds").value_or(0))},
                {"from", text(found, "at") + " UTC"},
                {"next", text(found, "nextAt")},
                {"running", text(found, "operationId")},
                {"failed tries", text(found, "failedTries")},
                {"error", text(found, "error.message")},
                {"kept", kept_text(found)},
                {"removal failed", text(found, "retentionError.message")}});
  return {};
}

}  // namespace

void add_schedule_verb(Verbs& verbs, CLI::App& group) {
  add_verb<ScheduleOptions>(
      verbs, group, "schedule", "Show when a database is backed up by itself, or switch that",
      "restorectl database schedule shop --daily on", schedule,
      [](CLI::App& verb, ScheduleOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name")->required();
        verb.add_option("--daily", options.daily, "on, off, or default: as the configuration says")
            ->check(CLI::IsMember({"on", "off", "default"}));
      });
}

}  // namespace restored::ctl
