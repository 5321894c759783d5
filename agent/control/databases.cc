#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "base/random.h"
#include "control/answers.h"
#include "control/handlers.h"
#include "control/lookup.h"
#include "control/query.h"
#include "control/request_body.h"
#include "control/shapes.h"
#include "restored/limits.h"

namespace restored::control {
namespace {

namespace json = boost::json;

// The contract documents 400, not 422, for a create request that is not valid, its source included.
constexpr ErrorCode invalid = ErrorCode::invalid_request;

constexpr std::array<std::string_view, 7> regions{
    "us-east-1",      "us-west-1",      "eu-west-3", "eu-central-1",
    "ap-northeast-1", "ap-southeast-1", "inherit"};

Result<std::string> parsed_region(const json::object& body) {
  RESTORED_TRY(const auto region, text_member(body, "region", invalid));
  if (!region || *region == "inherit") return std::string(regions.front());
  if (std::find(regions.begin(), regions.end(), *region) == regions.end()) {
    return fail(invalid, fmt::format("region must be one of {}", fmt::join(regions, ", ")));
  }
  return *region;
}

Result<std::string> parsed_name(const json::object& body) {
  RESTORED_TRY(auto name, text_member(body, "name", invalid));
  if (!name) return fmt::format("database-{}", random_id(6));
  RESTORED_TRY(check_name("name", *name, 1, limits::database_name_bytes_max, invalid));
  return std::move(*name);
}

Result<SourceDatabase> parsed_database(const json::object& source, std::string_view member) {
  RESTORED_TRY(const std::string text, required_text(source, member, invalid));
  std::optional<DatabaseId> id = database_id(text);
  if (id) return SourceDatabase{std::move(*id)};
  return fail(ErrorCode::source_database_not_found,
              fmt::format("source.{} is not the id of a database", member));
}

Result<void> parse_source(const json::object& body, CreateDatabase& request) {
  const json::value* value = body.if_contains("source");
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_object()) return fail(invalid, "source must be an object");
  const json::object& source = value->get_object();
  const json::value* type = source.if_contains("type");
  const bool named = type != nullptr && type->is_string();
  if (named && type->get_string() == "empty") return {};
  if (named && type->get_string() == "database") {
    RESTORED_TRY(request.from_database, parsed_database(source, "databaseId"));
    return {};
  }
  if (!named || type->get_string() != "backup") {
    return fail(invalid, "source.type is not \"empty\", \"backup\" or \"database\"",
                "source.type of a new database must be \"empty\", \"backup\" or \"database\".");
  }
  RESTORED_TRY(request.from_backup, backup_source(source, invalid));
  return {};
}

// The deprecated member of the older path: {id, backupId}; without a backup, a clone.
Result<void> parse_from_database(const json::object& body, CreateDatabase& request) {
  const json::value* from = body.if_contains("fromDatabase");
  if (from == nullptr || from->is_null()) return {};
  if (!from->is_object()) {
    return fail(invalid, "fromDatabase must be an object");
  }
  const json::object& members = from->get_object();
  const json::value* backup = members.if_contains("backupId");
  if (backup == nullptr || backup->is_null()) {
    RESTORED_TRY(request.from_database, parsed_database(members, "id"));
    return {};
  }
  json::object source{{"type", "backup"}, {"backupId", *backup}};
  if (const json::value* id = members.if_contains("id")) source["databaseId"] = *id;
  RESTORED_TRY(request.from_backup, backup_source(source, invalid));
  return {};
}

Result<CreateDatabase> parsed_create(const json::object& body) {
  CreateDatabase request;
  RESTORED_TRY(request.name, parsed_name(body));
  RESTORED_TRY(request.region, parsed_region(body));
  RESTORED_TRY(const auto is_default, flag_member(body, "isDefault", invalid));
  request.is_default = is_default.value_or(false);
  RESTORED_TRY(parse_source(body, request));
  return request;
}

// There are no branches here, so none can be named; null, which the contract's types allow, it
// refuses itself.
Result<void> check_branch(const json::object& body, ErrorCode code) {
  for (const std::string_view name : {"branchId", "branchGitName", "logicalId"}) {
    const json::value* member = body.if_contains(name);
    if (member != nullptr && !member->is_string()) {
      return fail(code, fmt::format("{} must be a string", name));
    }
  }
  const bool by_git = body.contains("branchGitName");
  if (by_git && body.contains("branchId")) {
    return fail(code, "branchId and branchGitName exclude each other");
  }
  if (by_git && body.contains("logicalId")) {
    return fail(code, "logicalId and branchGitName exclude each other");
  }
  if (!by_git && !body.contains("branchId")) return {};
  return fail(ErrorCode::resource_not_found, "there is no such branch: databases here have none",
              "Leave branchId and branchGitName away.");
}

Result<std::optional<std::string>> parsed_logical_id(const json::object& body, ErrorCode code) {
  RESTORED_TRY(std::optional<std::string> id, text_member(body, "logicalId", code));
  if (id) RESTORED_TRY(check_name("logicalId", *id, 1, limits::logical_id_bytes_max, code));
  return id;
}

Result<std::string> parsed_project(std::string_view text) {
  std::optional<std::string> id = project_id(text);
  if (!id) return fail(ErrorCode::resource_not_found, "there is no project with this id");
  return std::move(*id);
}

// Which databases a list has: of any project, with any logical id.
struct Filter {
  std::optional<std::string> project;
  std::optional<std::string> logical_id;

  bool takes(const DatabaseInfo& info) const {
    return (!project || info.project_id == *project) &&
           (!logical_id || info.logical_id == *logical_id);
  }
};

// A project is what databases name as theirs; the default one is there before them.
Result<std::string> known_project(const Call& call) {
  RESTORED_TRY(std::string project, parsed_project(call.parameter("project")));
  const auto names_it = [&](const DatabaseInfo& info) { return info.project_id == project; };
  if (project == CreateDatabase().project_id ||
      std::ranges::any_of(call.engine().databases(), names_it)) {
    return project;
  }
  return fail(ErrorCode::resource_not_found, "no database belongs to a project with this id",
              "List the databases (GET /v1/databases): each names its project.");
}

Result<Response> list(const Call& call, const Filter& filter) {
  RESTORED_TRY(
      const PageRequest request,
      page_request(call.request.query, limits::list_limit_default, limits::list_limit_max));
  std::vector<DatabaseInfo> databases = call.engine().databases();
  std::erase_if(databases, [&](const DatabaseInfo& info) { return !filter.takes(info); });
  const Page page = page_of(request, Order::oldest_first, databases.size(), [&](std::size_t index) {
    return Position{databases[index].created_at, databases[index].id.value};
  });
  json::array items;
  for (std::size_t index = page.begin; index < page.end; ++index) {
    items.push_back(database_object(call, databases[index]));
  }
  return page_answer(std::move(items), page.next_cursor);
}

// No database here has a branch, so any such filter but "unassigned" finds nothing.
bool filter_finds_nothing(std::string_view query) {
  const auto branch = query_value(query, "branchId");
  return (branch && !branch->empty() && *branch != "unassigned") ||
         query_value(query, "branchGitName");
}

}  // namespace

Result<Response> create_database(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  RESTORED_TRY(CreateDatabase request, parsed_create(body));
  RESTORED_TRY(check_branch(body, invalid));
  RESTORED_TRY(const auto logical_id, parsed_logical_id(body, invalid));
  request.logical_id = logical_id.value_or(std::string());
  RESTORED_TRY(const auto project, text_member(body, "projectId", invalid));
  if (project) {
    RESTORED_TRY(request.project_id, parsed_project(*project));
  }
  request.intent = call.intent;
  RESTORED_TRY(CreatedDatabase made,
               call.engine().create_database(std::move(request), call.principal));
  Response response = data_answer(201, database_object(call, made.info, &made.connection));
  if (made.operation) point_to(response, *made.operation);
  return response;
}

Result<Response> create_project_database(const Call& call) {
  RESTORED_TRY(const json::object body, parse_optional_body(call.request.body));
  RESTORED_TRY(CreateDatabase request, parsed_create(body));
  RESTORED_TRY(request.project_id, parsed_project(call.parameter("project")));
  if (!request.from_backup && !request.from_database) {
    RESTORED_TRY(parse_from_database(body, request));
  }
  request.intent = call.intent;
  RESTORED_TRY(CreatedDatabase made,
               call.engine().create_database(std::move(request), call.principal));
  // This path's status is provisioning or ready only.
  if (made.info.status != DatabaseStatus::ready) made.info.status = DatabaseStatus::provisioning;
  json::object object = database_object(call, made.info, &made.connection);
  const std::string user = fmt::format("con_{}", made.connection.info.id.value);
  object["apiKeys"] = json::array();
  object["connectionString"] = connection_string(call.site.data, user, made.connection.password);
  object["directConnection"] = json::object{
      {"host", call.site.data.host}, {"user", user}, {"pass", made.connection.password}};
  Response response = data_answer(201, std::move(object));
  if (made.operation) point_to(response, *made.operation);
  return response;
}

Result<Response> list_databases(const Call& call) {
  Filter filter;
  const auto wanted = query_value(call.request.query, "projectId");
  if (wanted && !wanted->empty()) filter.project = project_id(*wanted).value_or("");
  if (filter_finds_nothing(call.request.query)) filter.project = "";  // no project has this id
  filter.logical_id = query_value(call.request.query, "logicalId");
  // A database without one is not looked for by an empty one.
  if (filter.logical_id == "") filter.project = "";
  return list(call, filter);
}

Result<Response> list_project_databases(const Call& call) {
  Filter filter;
  RESTORED_TRY(filter.project, known_project(call));
  return list(call, filter);
}

Result<Response> get_database(const Call& call) {
  RESTORED_TRY(const DatabaseInfo info, database_of(call));
  return data_answer(200, database_object(call, info));
}

Result<Response> update_database(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  RESTORED_TRY(const DatabaseInfo info, database_of(call));
  constexpr ErrorCode code = ErrorCode::invalid_value;
  DatabaseChanges changes;
  RESTORED_TRY(changes.name, text_member(body, "name", code));
  if (changes.name) {
    RESTORED_TRY(check_name("name", *changes.name, 1, limits::database_name_bytes_max, code));
  }
  RESTORED_TRY(check_branch(body, code));
  RESTORED_TRY(changes.logical_id, parsed_logical_id(body, code));
  if (changes.name || changes.logical_id) {
    RESTORED_TRY(call.engine().update_database(info.id, std::move(changes)));
  }
  return get_database(call);
}

Result<Response> delete_database(const Call& call) {
  RESTORED_TRY(const DatabaseId id, known_database_id(call.parameter("id")));
  if (const Result<void> removed = call.engine().remove_database(id); !removed) {
    return busy_answer(call, id, removed.error());
  }
  return empty_answer();
}

}  // namespace restored::control
