// GET /v1/databases/{id}/usage, GET /v2/redis/stats/{id}: what a database has served and holds.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>

#include "base/clock.h"
#include "control/answers.h"
#include "control/handlers.h"
#include "control/lookup.h"
#include "control/query.h"

namespace restored::control {
namespace {

namespace json = boost::json;

constexpr UnixMillis day_millis = 24ll * 3600 * 1000;
constexpr std::uint32_t days_shown = 5;  // as that contract's own example has them

std::chrono::sys_days date_of(std::uint32_t day) {
  return std::chrono::sys_days(std::chrono::days(day));
}

std::uint32_t day_of(UnixMillis time) {
  return static_cast<std::uint32_t>(std::max<UnixMillis>(time, 0) / day_millis);
}

std::uint32_t month_begin(std::uint32_t day) {
  const std::chrono::year_month_day date(date_of(day));
  const std::chrono::sys_days first(date.year() / date.month() / 1);
  return static_cast<std::uint32_t>(first.time_since_epoch().count());
}

// The contract documents 400 for a period that is none.
Result<std::optional<UnixMillis>> time_parameter(std::string_view query, std::string_view name) {
  const std::optional<std::string> text = query_value(query, name);
  if (!text) return std::nullopt;
  const std::optional<UnixMillis> time = query_time(*text);
  if (!time || *time < 0) {
    return fail(ErrorCode::invalid_request,
                fmt::format("{} must be a time, like 2026-11-22T00:00:00Z", name));
  }
  return *time;
}

std::uint64_t sum_of(const std::vector<DailyCommands>& days) {
  std::uint64_t sum = 0;
  for (const DailyCommands& day : days) sum += day.commands;
  return sum;
}

// "2026-11-22 00:00:00 +0000 UTC", as that contract writes times of a series.
json::object point(std::chrono::system_clock::time_point time, std::uint64_t value) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  return {{"x", fmt::format("{:%Y-%m-%d %H:%M:%S} +0000 UTC", fmt::gmtime(seconds))}, {"y", value}};
}

}  // namespace

Result<Response> get_usage(const Call& call) {
  RESTORED_TRY(const DatabaseInfo info, database_of(call));
  const UnixMillis now = system_clock().wall();
  const std::uint32_t today = day_of(now);
  RESTORED_TRY(const auto asked_start, time_parameter(call.request.query, "startDate"));
  RESTORED_TRY(const auto asked_end, time_parameter(call.request.query, "endDate"));
  const UnixMillis start = asked_start.value_or(month_begin(today) * day_millis);
  UnixMillis end = asked_end.value_or(now);
  if (end > now) end = (today + 1) * day_millis - 1;
  if (start > end) {
    return fail(ErrorCode::invalid_request, "the period ends before it begins");
  }
  RESTORED_TRY(const std::vector<DailyCommands> days,
               call.engine().daily_commands(info.id, day_of(start), day_of(end)));
  const double stored_gib = static_cast<double>(info.live_bytes) / static_cast<double>(kGiB);
  return json_answer(
      200, json::object{
               {"period", json::object{{"start", iso8601(start)}, {"end", iso8601(end)}}},
               {"metrics",
                json::object{{"operations", json::object{{"used", sum_of(days)}, {"unit", "ops"}}},
                             {"storage", json::object{{"used", stored_gib}, {"unit", "GiB"}}}}},
               {"generatedAt", iso8601(now)}});
}

// Only what is measured: of reads and writes apart, latency, bandwidth and money there is nothing.
Result<Response> second_get_stats(const Call& call) {
  static constexpr std::array<std::string_view, 7> weekdays{
      "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
  RESTORED_TRY(const DatabaseInfo info, database_of(call));
  const std::uint32_t today = day_of(system_clock().wall());
  const std::uint32_t first = std::min(month_begin(today), today + 1 - days_shown);
  RESTORED_TRY(const std::vector<DailyCommands> days,
               call.engine().daily_commands(info.id, first, today));
  const auto on = [&](std::uint32_t day) {
    const auto found = std::ranges::find(days, day, &DailyCommands::day);
    return found == days.end() ? 0 : found->commands;
  };
  std::uint64_t month = 0;
  for (std::uint32_t day = month_begin(today); day <= today; ++day) month += on(day);
  json::array requests;
  json::array names;
  for (std::uint32_t day = today + 1 - days_shown; day <= today; ++day) {
    requests.push_back(point(date_of(day), on(day)));
    names.push_back(json::string(weekdays[std::chrono::weekday(date_of(day)).c_encoding()]));
  }
  const auto now = std::chrono::system_clock::now();
  return json_answer(200, json::object{{"daily_net_commands", on(today)},
                                       {"dailyrequests", std::move(requests)},
                                       {"days", std::move(names)},
                                       {"total_monthly_requests", month},
                                       {"diskusage", json::array{point(now, info.live_bytes)}},
                                       {"current_storage", info.live_bytes}});
}

}  // namespace restored::control
