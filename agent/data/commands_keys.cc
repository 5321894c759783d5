// Keys as a whole: DEL, EXISTS, RENAME, COPY and their relatives.
#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "data/command.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

std::string_view type_name(record::Type type) {
  switch (type) {
    case record::Type::string:
      return "string";
    case record::Type::hash:
      return "hash";
    case record::Type::list:
      return "list";
    case record::Type::set:
      return "set";
    case record::Type::zset:
      return "zset";
    case record::Type::stream:
      return "stream";
  }
  return "none";
}

// Nothing is erased before all of them were read: an error leaves every key as it was.
void del_command(Call& call) {
  std::set<std::string_view> found;  // a key named twice counts once
  for (std::size_t i = 1; i < call.count(); ++i) {
    if (found.contains(call.argument(i))) continue;
    std::optional<StoredValue> value;
    if (!call.find(call.argument(i), value)) return;
    if (value) found.insert(call.argument(i));
  }
  for (const std::string_view key : found) call.view->erase(key);
  call.reply.integer(static_cast<std::int64_t>(found.size()));
}

void unlink_command(Call& call) {
  del_command(call);
}

// A key named twice counts twice, but is read once.
void exists_command(Call& call) {
  if (call.count() == 2) {
    std::optional<StoredValue> value;
    if (call.find(call.argument(1), value)) call.reply.integer(value ? 1 : 0);
    return;
  }
  std::map<std::string_view, std::int64_t> mentions;
  for (const std::string_view key : call.arguments.subspan(1)) ++mentions[key];
  std::vector<std::string_view> keys;
  keys.reserve(mentions.size());
  for (const auto& [key, count] : mentions) keys.push_back(key);
  std::int64_t existing = 0;
  const auto count = [&](std::size_t i, const record::Metadata* value) {
    call.note_found(keys[i], value);
    if (value != nullptr) existing += mentions.at(keys[i]);
    return true;
  };
  const auto read = call.view->get_many(keys, count);
  if (!read) return call.storage_error(read.error());
  call.reply.integer(existing);
}

void touch_command(Call& call) {
  exists_command(call);
}

void type_command(Call& call) {
  std::optional<StoredValue> value;
  if (!call.find(call.argument(1), value)) return;
  call.reply.simple(value ? type_name(value->type) : "none");
}

// What both renames do once the source is known to exist.
void move(Call& call, const StoredValue& value) {
  call.view->put(call.argument(2), value.payload(), value.expires_at);
  call.view->erase(call.argument(1));
}

void rename_command(Call& call) {
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  if (!value) return call.reply.error("ERR no such key");
  if (call.argument(1) != call.argument(2)) move(call, *value);
  call.reply.ok();
}

void renamenx_command(Call& call) {
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  if (!value) return call.reply.error("ERR no such key");
  if (call.argument(1) == call.argument(2)) return call.reply.integer(0);
  std::optional<StoredValue> target;
  if (!call.find(call.argument(2), target)) return;
  if (!target) move(call, *value);
  call.reply.integer(target ? 0 : 1);
}

void copy_command(Call& call) {
  bool replace = false;
  for (std::size_t i = 3; i < call.count(); ++i) {
    if (equals_ignoring_case(call.argument(i), "REPLACE")) {
      replace = true;
    } else if (equals_ignoring_case(call.argument(i), "DB") && i + 1 < call.count()) {
      std::int64_t index = 0;
      if (!call.integer(++i, index)) return;
      using Int = std::numeric_limits<int>;
      if (index < Int::min() || index > Int::max()) {
        return call.reply.error(
            "ERR value is out of range, value must between -2147483648 and 2147483647");
      }
      if (index != 0) return call.reply.error("ERR DB index is out of range");
    } else {
      return call.syntax_error();
    }
  }
  if (call.argument(1) == call.argument(2)) {
    return call.reply.error("ERR source and destination objects are the same");
  }
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  if (!value) return call.reply.integer(0);
  if (!replace) {
    std::optional<StoredValue> target;
    if (!call.find(call.argument(2), target)) return;
    if (target) return call.reply.integer(0);
  }
  call.view->put(call.argument(2), value->payload(), value->expires_at);
  call.reply.integer(1);
}

constexpr std::array table{
    CommandSpec{.name = "del",
                .handler = del_command,
                .arity = -2,
                .flags = flag_write,
                .keys = {1, -1, 1},
                .categories = "@keyspace @write @slow",
                .tips = "request_policy:multi_shard response_policy:agg_sum",
                .key_flags = "RM delete",
                .docs = {.summary = "Deletes keys",
                         .since = "1.0.0",
                         .group = "generic",
                         .complexity = "O(N)",
                         .arguments = "key|key@0*"}},
    CommandSpec{.name = "unlink",
                .handler = unlink_command,
                .arity = -2,
                .flags = flag_write | flag_fast,
                .keys = {1, -1, 1},
                .categories = "@keyspace @write @fast",
                .tips = "request_policy:multi_shard response_policy:agg_sum",
                .key_flags = "RM delete",
                .docs = {.summary = "Deletes keys",
                         .since = "4.0.0",
                         .group = "generic",
                         .complexity = "O(N)",
                         .arguments = "key|key@0*"}},
    CommandSpec{.name = "exists",
                .handler = exists_command,
                .arity = -2,
                .flags = flag_readonly | flag_fast,
                .keys = {1, -1, 1},
                .categories = "@keyspace @read @fast",
                .tips = "request_policy:multi_shard response_policy:agg_sum",
                .key_flags = "RO",
                .docs = {.summary = "Counts those of the keys that exist",
                         .since = "1.0.0",
                         .group = "generic",
                         .complexity = "O(N)",
                         .arguments = "key|key@0*"}},
    CommandSpec{.name = "touch",
                .handler = touch_command,
                .arity = -2,
                .flags = flag_readonly | flag_fast,
                .keys = {1, -1, 1},
                .categories = "@keyspace @read @fast",
                .tips = "request_policy:multi_shard response_policy:agg_sum",
                .key_flags = "RO",
                .docs = {.summary = "Counts those of the keys that exist",
                         .since = "3.2.1",
                         .group = "generic",
                         .complexity = "O(N)",
                         .arguments = "key|key@0*"}},
    CommandSpec{.name = "type",
                .handler = type_command,
                .arity = 2,
                .flags = flag_readonly | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@keyspace @read @fast",
                .key_flags = "RO",
                .docs = {.summary = "Tells the type of a value",
                         .since = "1.0.0",
                         .group = "generic",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
    CommandSpec{.name = "rename",
                .handler = rename_command,
                .arity = 3,
                .flags = flag_write,
                .keys = {1, 2, 1},
                .categories = "@keyspace @write @slow",
                .key_flags = "RW access delete;OW update",
                .docs = {.summary = "Moves a value to another key",
                         .since = "1.0.0",
                         .group = "generic",
                         .complexity = "O(N) of the length",
                         .arguments = "key|key@0 newkey|key@1"}},
    CommandSpec{.name = "renamenx",
                .handler = renamenx_command,
                .arity = 3,
                .flags = flag_write | flag_fast,
                .keys = {1, 2, 1},
                .categories = "@keyspace @write @fast",
                .key_flags = "RW access delete;OW insert",
                .docs = {.summary = "Moves a value to another key unless that exists",
                         .since = "1.0.0",
                         .group = "generic",
                         .complexity = "O(N) of the length",
                         .arguments = "key|key@0 newkey|key@1"}},
    CommandSpec{.name = "copy",
                .handler = copy_command,
                .arity = -3,
                .flags = flag_write | flag_denyoom,
                .keys = {1, 2, 1},
                .categories = "@keyspace @write @slow",
                .key_flags = "RO access;OW update",
                .docs = {.summary = "Copies a value to another key",
                         .since = "6.2.0",
                         .group = "generic",
                         .complexity = "O(N) of the length",
                         .arguments = "source|key@0 destination|key@1 destination-db|integer=DB? "
                                      "replace|pure-token=REPLACE?"}},
};

}  // namespace

std::span<const CommandSpec> key_commands() {
  return table;
}

}  // namespace restored::data
