// Query strings, identifiers and pages of lists, as the contracts write them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "restored/error.h"
#include "restored/ids.h"
#include "restored/units.h"

namespace restored::control {

// Nothing when an escape is malformed.
std::optional<std::string> percent_decoded(std::string_view text);
// The first value of the name, decoded; nothing when absent or malformed.
std::optional<std::string> query_value(std::string_view query, std::string_view name);
// A value that is a time of RFC 3339; its offset's '+' may have arrived as a space, as one does
// that was not encoded.
std::optional<UnixMillis> query_time(std::string value);

// "db_x" and "x" are the same database. Nothing when the text cannot be an id: then there is no
// such thing, and the engine (which makes paths of ids) never sees it.
std::optional<DatabaseId> database_id(std::string_view text);
std::optional<ConnectionId> connection_id(std::string_view text);
std::optional<std::string> project_id(std::string_view text);
// Opaque to clients; ours are words of [A-Za-z0-9._-].
std::optional<BackupId> backup_id(std::string_view text);
std::optional<OperationId> operation_id(std::string_view text);
std::optional<TokenId> token_id(std::string_view text);

// A list's place: the item after which the next page begins.
struct Position {
  UnixMillis created_at = 0;
  std::string id;
};
struct PageRequest {
  std::size_t limit = 0;
  std::optional<Position> after;
};
// Errors: invalid_value (limit no number or out of 1..limit_max, cursor not one of ours).
Result<PageRequest> page_request(std::string_view query, std::size_t limit_default,
                                 std::size_t limit_max);
std::string cursor_text(const Position& position);

struct Page {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::optional<std::string> next_cursor;
};
enum class Order : std::uint8_t { oldest_first, newest_first };
// Which items of a list, ordered by creation, stand on the page. `position` gives an item's. When
// the item of the cursor has left since, the page begins where it would have stood.
Page page_of(const PageRequest& request, Order order, std::size_t count,
             const std::function<Position(std::size_t)>& position);

}  // namespace restored::control
