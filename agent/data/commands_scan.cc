// Commands over the whole key space: SCAN, KEYS, RANDOMKEY, DBSIZE, FLUSHDB, FLUSHALL.
#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "data/command.h"
#include "data/glob.h"
#include "data/numbers.h"
#include "data/random_key.h"

namespace restored::data {
namespace {

// One call keeps no more keys in memory, whatever COUNT says: it is a hint.
constexpr std::int64_t scan_count_max = 1'000'000;

constexpr std::string_view stopping_text = "ERR the server is stopping";

struct ScanOptions {
  std::int64_t count = 10;
  std::optional<std::string_view> pattern;
  std::optional<std::string_view> type;
};

// As strtoul takes it: digits, perhaps with a sign, and an empty text is 0.
std::optional<std::uint64_t> parse_cursor(std::string_view text) {
  if (text.empty()) return 0;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return negative ? 0 - value : value;
}

// False: an error was replied.
bool parse_scan(Call& call, ScanOptions& options) {
  for (std::size_t i = 2; i < call.count(); i += 2) {
    const std::string_view word = call.argument(i);
    if (i + 1 == call.count()) {
      call.syntax_error();
      return false;
    }
    if (equals_ignoring_case(word, "COUNT")) {
      if (!call.integer(i + 1, options.count)) return false;
      if (options.count < 1) {
        call.syntax_error();
        return false;
      }
    } else if (equals_ignoring_case(word, "MATCH")) {
      options.pattern = call.argument(i + 1);
    } else if (equals_ignoring_case(word, "TYPE")) {
      options.type = call.argument(i + 1);
    } else {
      call.syntax_error();
      return false;
    }
  }
  return true;
}

void reply_keys(Call& call, const std::vector<std::string>& keys) {
  call.reply.array(keys.size());
  for (const std::string& key : keys) call.reply.bulk(key);
}

bool wanted(const View::Walk& walk, const ScanOptions& options) {
  if (options.pattern && !glob_matches(*options.pattern, walk.key())) return false;
  if (!options.type) return true;
  // Only strings are written today.
  return walk.value().type == record::Type::string && equals_ignoring_case(*options.type, "string");
}

void scan_command(Call& call) {
  const auto cursor = parse_cursor(call.argument(1));
  if (!cursor) return call.reply.error("ERR invalid cursor");
  ScanOptions options;
  if (!parse_scan(call, options)) return;
  ScanCursors& cursors = call.client.database->cursors;
  std::optional<std::string> last;
  if (*cursor != 0) {
    last = cursors.last_key(*cursor);
    if (!last) {
      return call.reply.error(
          "ERR invalid cursor: not one of this server's, or too old; begin again with 0");
    }
  }
  auto walk = call.view->walk();
  if (!walk) return call.storage_error(walk.error());
  const std::string prefix = options.pattern ? glob_literal_prefix(*options.pattern) : "";
  walk->stop_after(static_cast<std::uint64_t>(std::min(options.count, scan_count_max)));
  if (last && *last >= prefix) {
    walk->seek_after(*last);
  } else {
    walk->seek(prefix);
  }
  std::vector<std::string> keys;
  for (; walk->valid() && walk->key().starts_with(prefix); walk->next()) {
    if (wanted(*walk, options)) keys.emplace_back(walk->key());
  }
  if (const auto status = walk->status(); !status) return call.storage_error(status.error());
  const bool more = walk->stopped() && walk->key().starts_with(prefix);
  const IntegerText next(more ? cursors.remember(std::string(walk->key()), *cursor) : 0);
  call.reply.array(2);
  call.reply.bulk(next.view());
  reply_keys(call, keys);
}

// COUNT says how many records one call reads.
std::size_t scan_weight(Arguments arguments) {
  for (std::size_t i = 2; i + 1 < arguments.size(); i += 2) {
    if (!equals_ignoring_case(arguments[i], "COUNT")) continue;
    const auto count = parse_integer(arguments[i + 1]);
    constexpr std::int64_t record_bytes = 64;
    return count && *count > 0 ? static_cast<std::size_t>(*count) * record_bytes : 0;
  }
  return 0;
}

void keys_command(Call& call) {
  const std::string_view pattern = call.argument(1);
  const std::string prefix = glob_literal_prefix(pattern);
  auto walk = call.view->walk();
  if (!walk) return call.storage_error(walk.error());
  const ServerState& server = call.client.server;
  std::vector<std::string> keys;
  std::size_t bytes = 0;
  for (walk->seek(prefix); walk->valid() && walk->key().starts_with(prefix); walk->next()) {
    if (server.stopping.stop_requested()) return call.reply.error(stopping_text);
    if (!glob_matches(pattern, walk->key())) continue;
    keys.emplace_back(walk->key());
    bytes += walk->key().size() + 16;
    if (bytes > server.options.output_buffer_bytes_max / 2) {
      return call.reply.error("ERR too many keys for one answer; use SCAN");
    }
  }
  if (const auto status = walk->status(); !status) return call.storage_error(status.error());
  reply_keys(call, keys);
}

void randomkey_command(Call& call) {
  const auto key = random_key(*call.view);
  if (!key) return call.storage_error(key.error());
  if (!*key) return call.reply.null();
  call.reply.bulk(**key);
}

void dbsize_command(Call& call) {
  const std::stop_token stop = call.client.server.stopping.get_token();
  if (!call.in_exec) {
    const auto count = call.client.database->keyspace->count_keys(stop);
    if (!count && stop.stop_requested()) return call.reply.error(stopping_text);
    if (!count) return call.storage_error(count.error());
    return call.reply.integer(static_cast<std::int64_t>(*count));
  }
  auto walk = call.view->walk();
  if (!walk) return call.storage_error(walk.error());
  std::int64_t count = 0;
  for (walk->seek(""); walk->valid(); walk->next()) {
    if (stop.stop_requested()) return call.reply.error(stopping_text);
    ++count;
  }
  if (const auto status = walk->status(); !status) return call.storage_error(status.error());
  call.reply.integer(count);
}

// ASYNC or SYNC: the same here, for what a swap leaves behind is always dropped in the background.
void flushall_command(Call& call) {
  const bool plain = call.count() == 1;
  const bool mode = call.count() == 2 && (equals_ignoring_case(call.argument(1), "ASYNC") ||
                                          equals_ignoring_case(call.argument(1), "SYNC"));
  if (!plain && !mode) return call.syntax_error();
  if (call.in_exec) {
    call.view->flush();
  } else if (const auto done = call.client.database->keyspace->replace_all({}, nullptr); !done) {
    return call.reply.error(write_error_text(done.error()));
  }
  call.reply.ok();
}

void flushdb_command(Call& call) {
  flushall_command(call);
}

constexpr std::array table{
    CommandSpec{.name = "scan",
                .handler = scan_command,
                .arity = -2,
                .flags = flag_readonly,
                .categories = "@keyspace @read @slow",
                .tips = "nondeterministic_output request_policy:special",
                .docs = {.summary = "Walks through all keys, a few at a call",
                         .since = "2.8.0",
                         .group = "generic",
                         .complexity = "O(1) a call, O(N) in all",
                         .arguments = "cursor|integer pattern|pattern=MATCH? count|integer=COUNT? "
                                      "type|string=TYPE?~6.0.0"},
                .weight = scan_weight},
    CommandSpec{.name = "keys",
                .handler = keys_command,
                .arity = 2,
                .flags = flag_readonly | flag_worker,
                .categories = "@keyspace @read @slow @dangerous",
                .tips = "request_policy:all_shards nondeterministic_output_order",
                .docs = {.summary = "Lists the keys that match a pattern",
                         .since = "1.0.0",
                         .group = "generic",
                         .complexity = "O(N)",
                         .arguments = "pattern|pattern"}},
    CommandSpec{.name = "randomkey",
                .handler = randomkey_command,
                .arity = 1,
                .flags = flag_readonly | flag_worker,
                .categories = "@keyspace @read @slow",
                .tips = "request_policy:all_shards nondeterministic_output",
                .docs = {.summary = "Picks some key",
                         .since = "1.0.0",
                         .group = "generic",
                         .complexity = "O(log N)"}},
    CommandSpec{.name = "dbsize",
                .handler = dbsize_command,
                .arity = 1,
                .flags = flag_readonly | flag_fast | flag_worker,
                .categories = "@keyspace @read @fast",
                .tips = "request_policy:all_shards response_policy:agg_sum",
                .docs = {.summary = "Counts the keys",
                         .since = "1.0.0",
                         .group = "server",
                         .complexity = "O(N), O(1) when nothing changed"}},
    CommandSpec{
        .name = "flushdb",
        .handler = flushdb_command,
        .arity = -1,
        .flags = flag_write | flag_worker,
        .categories = "@keyspace @write @slow @dangerous",
        .tips = "request_policy:all_shards response_policy:all_succeeded",
        .docs = {.summary = "Removes all keys",
                 .since = "1.0.0",
                 .group = "server",
                 .complexity = "O(1)",
                 .arguments =
                     "async|oneof?(async|pure-token=ASYNC~4.0.0 sync|pure-token=SYNC~6.2.0)"}},
    CommandSpec{
        .name = "flushall",
        .handler = flushall_command,
        .arity = -1,
        .flags = flag_write | flag_worker,
        .categories = "@keyspace @write @slow @dangerous",
        .tips = "request_policy:all_shards response_policy:all_succeeded",
        .docs = {.summary = "Removes all keys",
                 .since = "1.0.0",
                 .group = "server",
                 .complexity = "O(1)",
                 .arguments =
                     "async|oneof?(async|pure-token=ASYNC~4.0.0 sync|pure-token=SYNC~6.2.0)"}},
};

}  // namespace

std::span<const CommandSpec> scan_commands() {
  return table;
}

}  // namespace restored::data
