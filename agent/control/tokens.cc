#include <boost/json.hpp>

#include <algorithm>

#include "control/answers.h"
#include "control/authentication.h"
#include "control/handlers.h"
#include "control/query.h"
#include "control/request_body.h"
#include "control/shapes.h"
#include "restored/limits.h"

namespace restored::control {
namespace {

namespace json = boost::json;

constexpr ErrorCode invalid = ErrorCode::invalid_value;

Result<Scopes> parsed_scopes(const json::object& body) {
  const json::value* list = body.if_contains("scopes");
  if (list == nullptr || !list->is_array() || list->get_array().empty()) {
    return fail(invalid, "scopes must be a list of read, write, restore");
  }
  Scopes scopes = 0;
  for (const json::value& item : list->get_array()) {
    const std::optional<Scope> scope =
        item.is_string() ? scope_from(item.get_string()) : std::nullopt;
    if (!scope) return fail(invalid, "a scope must be read, write or restore");
    scopes = static_cast<Scopes>(scopes | static_cast<Scopes>(*scope));
  }
  return scopes;
}

Result<TokenInfo> token_of(const Call& call) {
  const std::vector<TokenInfo> tokens = call.engine().tokens();
  const std::optional<TokenId> id = token_id(call.parameter("token"));
  const auto found = std::find_if(tokens.begin(), tokens.end(),
                                  [&](const auto& info) { return id && info.id == *id; });
  if (found == tokens.end()) {
    return fail(ErrorCode::token_not_found, "there is no token with this id");
  }
  return *found;
}

}  // namespace

// Nobody gives what he does not have: a token for writing cannot make one for restoring.
Result<Response> create_token(const Call& call) {
  RESTORED_TRY(const json::object body, parse_body(call.request.body));
  RESTORED_TRY(std::string name, required_text(body, "name", invalid));
  RESTORED_TRY(check_name("name", name, 1, limits::database_name_bytes_max, invalid));
  RESTORED_TRY(const Scopes scopes, parsed_scopes(body));
  RESTORED_TRY(require_all(call, scopes));
  RESTORED_TRY(const NewToken made,
               call.engine().create_token(std::move(name), scopes, call.intent));
  json::object object = token_object(call, made.info);
  object["secret"] = made.secret;
  return data_answer(201, std::move(object));
}

Result<Response> list_tokens(const Call& call) {
  RESTORED_TRY(
      const PageRequest request,
      page_request(call.request.query, limits::list_limit_default, limits::list_limit_max));
  const std::vector<TokenInfo> tokens = call.engine().tokens();
  const Page page = page_of(request, Order::oldest_first, tokens.size(), [&](std::size_t index) {
    return Position{tokens[index].created_at, tokens[index].id.value};
  });
  json::array items;
  for (std::size_t index = page.begin; index < page.end; ++index) {
    items.push_back(token_object(call, tokens[index]));
  }
  return page_answer(std::move(items), page.next_cursor);
}

Result<Response> get_token(const Call& call) {
  RESTORED_TRY(const TokenInfo info, token_of(call));
  return data_answer(200, token_object(call, info));
}

Result<Response> delete_token(const Call& call) {
  RESTORED_TRY(const TokenInfo info, token_of(call));
  RESTORED_TRY(require_all(call, info.scopes));
  RESTORED_TRY(call.engine().revoke_token(info.id));
  return empty_answer();
}

}  // namespace restored::control
