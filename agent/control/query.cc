#include "control/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/clock.h"
#include "base/hex.h"

namespace restored::control {
namespace {

std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[at] == '%') {
      const std::optional<std::string> byte = from_hex(text.substr(at + 1, 2));
      if (!byte || byte->size() != 1) return std::nullopt;
      out += *byte;
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

bool alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool lower_alphanumeric(char c) {
  return alphanumeric(c) && !(c >= 'A' && c <= 'Z');
}

constexpr std::size_t id_bytes_max = 128;

// The contract's pattern is wider (it also takes [cC] and eight or more of nearly anything), but
// every id that exists here is of [a-z0-9].
std::optional<std::string> prefixed(std::string_view text, std::string_view prefix) {
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  if (text.empty() || text.size() > id_bytes_max) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), lower_alphanumeric)) return std::nullopt;
  return std::string(text);
}

std::optional<std::string> word(std::string_view text) {
  const auto allowed = [](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '-'; };
  if (text.empty() || text.size() > id_bytes_max || text.starts_with('.')) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), allowed)) return std::nullopt;
  return std::string(text);
}

template <class Wanted>
std::optional<Wanted> made(std::optional<std::string> text) {
  if (!text) return std::nullopt;
  return Wanted(std::move(*text));
}

Result<std::size_t> parsed_limit(std::string_view text, std::size_t limit_max) {
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size() || limit < 1 || limit > limit_max) {
    return fail(ErrorCode::invalid_value,
                fmt::format("limit must be a whole number from 1 to {}", limit_max));
  }
  return limit;
}

std::optional<Position> parsed_cursor(std::string_view text) {
  const std::optional<std::string> plain = from_hex(text);
  if (!plain) return std::nullopt;
  const std::size_t colon = plain->find(':');
  if (colon == std::string::npos) return std::nullopt;
  Position position;
  const char* end = plain->data() + colon;
  const auto [stopped, error] = std::from_chars(plain->data(), end, position.created_at);
  if (error != std::errc() || stopped != end) return std::nullopt;
  position.id = plain->substr(colon + 1);
  return position;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  return decoded(text, false);
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const std::size_t equals = pair.find('=');
    if (decoded(pair.substr(0, equals), true) != name) continue;
    if (equals == std::string_view::npos) return std::string();
    return decoded(pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

std::optional<UnixMillis> query_time(std::string value) {
  constexpr std::size_t offset_size = 6;  // "+01:00"
  if (value.size() > offset_size) {
    char& sign = value[value.size() - offset_size];
    if (sign == ' ') sign = '+';
  }
  return from_iso8601(value);
}

std::optional<DatabaseId> database_id(std::string_view text) {
  return made<DatabaseId>(prefixed(text, "db_"));
}
std::optional<ConnectionId> connection_id(std::string_view text) {
  return made<ConnectionId>(prefixed(text, "con_"));
}
std::optional<std::string> project_id(std::string_view text) {
  if (text.starts_with("proj_")) text.remove_prefix(5);
  return word(text);
}
std::optional<BackupId> backup_id(std::string_view text) {
  return made<BackupId>(word(text));
}
std::optional<OperationId> operation_id(std::string_view text) {
  return made<OperationId>(word(text));
}
std::optional<TokenId> token_id(std::string_view text) {
  return made<TokenId>(word(text));
}

Result<PageRequest> page_request(std::string_view query, std::size_t limit_default,
                                 std::size_t limit_max) {
  PageRequest request{limit_default, std::nullopt};
  if (const auto limit = query_value(query, "limit")) {
    RESTORED_TRY(request.limit, parsed_limit(*limit, limit_max));
  }
  const auto cursor = query_value(query, "cursor");
  if (cursor && !cursor->empty()) {
    request.after = parsed_cursor(*cursor);
    if (!request.after) {
      return fail(ErrorCode::invalid_value, "cursor is not one that this agent gave",
                  "Leave cursor out to begin at the first page.");
    }
  }
  return request;
}

std::string cursor_text(const Position& position) {
  return to_hex(fmt::format("{}:{}", position.created_at, position.id));
}

Page page_of(const PageRequest& request, Order order, std::size_t count,
             const std::function<Position(std::size_t)>& position) {
  Page page;
  if (request.after) {
    std::size_t at = 0;
    while (at < count && position(at).id != request.after->id) ++at;
    if (at < count) {
      page.begin = at + 1;
    } else {
      const auto beyond = [&](std::size_t index) {
        const UnixMillis time = position(index).created_at;
        return order == Order::oldest_first ? time > request.after->created_at
                                            : time < request.after->created_at;
      };
      while (page.begin < count && !beyond(page.begin)) ++page.begin;
    }
  }
  page.end = std::min(count, page.begin + request.limit);
  if (page.end < count) page.next_cursor = cursor_text(position(page.end - 1));
  return page;
}

}  // namespace restored::control
