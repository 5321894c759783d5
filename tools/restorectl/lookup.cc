#include "lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <vector>

#include "fields.h"

namespace restored::ctl {
namespace {

constexpr std::string_view database_prefix = "db_";
constexpr std::size_t database_id_length = 24;

bool is_database_id(const std::string& typed) {
  const std::string bare = bare_id(typed);
  const auto letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return bare.size() == database_id_length && letter(bare.front()) &&
         std::ranges::all_of(bare, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace

Outcome for_each(const Agent& agent, const std::string& target,
                 const std::function<bool(const boost::json::value&)>& visit) {
  std::string page = target;
  while (true) {
    RESTORED_TRY(const auto answer, agent.get(page));
    const auto* items = answer.data().if_array();
    if (items == nullptr) {
      return fail(ErrorCode::internal, fmt::format("GET {}: the answer is not a list", page));
    }
    for (const auto& item : *items) {
      if (!visit(item)) return {};
    }
    const std::string next = text(answer.json, "pagination.nextCursor");
    if (next.empty()) return {};
    page = fmt::format("{}{}cursor={}", target, target.contains('?') ? '&' : '?', segment(next));
  }
}

Answered<std::string> database_id(const Agent& agent, const std::string& typed) {
  if (is_database_id(typed)) return typed;
  std::vector<std::string> found;
  RESTORED_TRY(for_each(agent, "/v1/databases", [&](const boost::json::value& database) {
    if (text(database, "name") == printable(typed)) found.push_back(text(database, "id"));
    return true;
  }));
  if (found.empty()) {
    return fail(ErrorCode::database_not_found,
                fmt::format("no database has the name or id \"{}\"", printable(typed)));
  }
  if (found.size() > 1) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} databases have the name \"{}\"", found.size(), printable(typed)),
                fmt::format("Give the id instead: {}.", fmt::join(found, " or ")));
  }
  return found.front();
}

Answered<std::string> database_of_backup(const Agent& agent, const std::string& backup) {
  RESTORED_TRY(const auto answer, agent.get("/v1/backups/" + segment(backup)));
  return text(answer.data(), "databaseId");
}

std::string bare_id(const std::string& id) {
  return id.starts_with(database_prefix) ? id.substr(database_prefix.size()) : id;
}

}  // namespace restored::ctl
