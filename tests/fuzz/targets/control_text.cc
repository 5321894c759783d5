// What stands in a control request besides its body: query, identifiers, cursors, credentials,
// media types, paths.
#include <algorithm>
#include <string>

#include "choices.h"
#include "control/answers.h"
#include "control/authentication.h"
#include "control/query.h"
#include "control/router.h"
#include "restored/limits.h"
#include "target.h"

namespace restored::fuzz {
namespace {

void check_ids(std::string_view text) {
  const auto lower = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); };
  const auto of_path = [](const std::string& id) {
    return !id.empty() && id.size() <= 128 && id.front() != '.' &&
           id.find_first_of(std::string_view("/\0\n ", 4)) == std::string::npos;
  };
  if (const auto id = control::database_id(text))
    require(of_path(id->value) && std::ranges::all_of(id->value, lower), "an id makes a path");
  if (const auto id = control::connection_id(text))
    require(of_path(id->value) && std::ranges::all_of(id->value, lower), "an id makes a key");
  if (const auto id = control::backup_id(text)) require(of_path(id->value), "an id makes a path");
  if (const auto id = control::operation_id(text))
    require(of_path(id->value), "an id makes a path");
  if (const auto id = control::token_id(text)) require(of_path(id->value), "an id makes a key");
  if (const auto id = control::project_id(text)) require(of_path(*id), "a project's id is a word");
}

void check_page(Choices& choices) {
  const std::size_t count = choices.byte();
  const auto order = choices.flag() ? control::Order::oldest_first : control::Order::newest_first;
  const auto position = [&](std::size_t index) {
    const auto at =
        static_cast<UnixMillis>(order == control::Order::oldest_first ? index : count - index);
    return control::Position{at, "id" + std::to_string(index)};
  };
  const auto request = control::page_request(choices.rest(), 100, 1000);
  if (!request) return require_sound(request.error());
  require(request->limit >= 1 && request->limit <= 1000, "a page has a bounded length");
  const control::Page page = control::page_of(*request, order, count, position);
  require(page.begin <= page.end && page.end <= count && page.end - page.begin <= request->limit,
          "a page lies in its list");
  // Page after page shows the rest of the list, each item once.
  std::size_t at = page.end;
  for (auto cursor = page.next_cursor; cursor;) {
    const auto next = control::page_request("limit=50&cursor=" + *cursor, 100, 1000);
    require(next && next->after, "a cursor that was given is taken");
    const control::Page follow = control::page_of(*next, order, count, position);
    require(follow.begin == at && follow.end > at, "the next page begins where this one ends");
    at = follow.end;
    cursor = follow.next_cursor;
  }
  require(at == count || (page.begin == count && page.end == count), "the last page ends the list");
}

void check_credentials(std::string_view header) {
  for (const auto surface : {control::Surface::first, control::Surface::second}) {
    const auto secret = control::presented_secret(header, surface);
    require(!secret || secret->size() <= header.size(), "a secret stands in its header");
  }
  (void)control::accepts(header, "application/problem+json");
}

void check_path(Choices& choices) {
  const std::string_view method = choices.until(' ');
  const std::string_view path = choices.rest();
  const control::Match found = control::match(control::routes(), method, path);
  require(found.route != nullptr || found.parameters.empty(), "only a route has parameters");
  if (found.route != nullptr)
    require(found.route->method == method || (method == "HEAD" && found.route->method == "GET"),
            "a route is of its method");
  (void)control::surface_of(path);
  if (const auto plain = control::percent_decoded(path))
    require(plain->size() <= path.size(), "decoding adds nothing");
}

void run(std::string_view input) {
  Choices choices(input);
  switch (choices.byte() % 4) {
    case 0:
      return check_ids(choices.rest());
    case 1:
      return check_page(choices);
    case 2:
      return check_credentials(choices.rest());
    default:
      return check_path(choices);
  }
}

const Registration registration({"control_text", 1024, run});

}  // namespace
}  // namespace restored::fuzz
