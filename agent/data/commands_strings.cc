// Strings, whole: GET, SET and their relatives.
#include <array>
#include <span>
#include <vector>

#include "data/command.h"
#include "data/expiry_option.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

enum class Family : std::uint8_t { set, getex };

struct Options {
  bool nx = false;
  bool xx = false;
  bool get = false;
  bool keep_ttl = false;
  bool persist = false;
  std::size_t expiry_index = 0;  // 0: none
  ExpiryUnit unit = ExpiryUnit::seconds;
  ExpiryBase base = ExpiryBase::now;
};

struct ExpiryOption {
  std::string_view name;
  ExpiryUnit unit;
  ExpiryBase base;
};
constexpr std::array expiry_options{
    ExpiryOption{"EX", ExpiryUnit::seconds, ExpiryBase::now},
    ExpiryOption{"PX", ExpiryUnit::milliseconds, ExpiryBase::now},
    ExpiryOption{"EXAT", ExpiryUnit::seconds, ExpiryBase::epoch},
    ExpiryOption{"PXAT", ExpiryUnit::milliseconds, ExpiryBase::epoch},
};

// "EX 10" at `index`: true when it is one of the four and no other of them stands before.
bool parse_expiry_option(Call& call, std::size_t index, Options& options) {
  if (options.keep_ttl || options.persist || index + 1 >= call.count()) return false;
  for (const ExpiryOption& known : expiry_options) {
    if (!equals_ignoring_case(call.argument(index), known.name)) continue;
    const bool first = options.expiry_index == 0;
    if (!first && (options.unit != known.unit || options.base != known.base)) return false;
    options.expiry_index = index + 1;
    options.unit = known.unit;
    options.base = known.base;
    return true;
  }
  return false;
}

// False: an error was replied.
bool parse_options(Call& call, std::size_t begin, Family family, Options& options) {
  const bool set = family == Family::set;
  for (std::size_t i = begin; i < call.count(); ++i) {
    const std::string_view word = call.argument(i);
    if (set && !options.xx && equals_ignoring_case(word, "NX")) {
      options.nx = true;
    } else if (set && !options.nx && equals_ignoring_case(word, "XX")) {
      options.xx = true;
    } else if (set && equals_ignoring_case(word, "GET")) {
      options.get = true;
    } else if (set && options.expiry_index == 0 && equals_ignoring_case(word, "KEEPTTL")) {
      options.keep_ttl = true;
    } else if (!set && options.expiry_index == 0 && equals_ignoring_case(word, "PERSIST")) {
      options.persist = true;
    } else if (parse_expiry_option(call, i, options)) {
      ++i;
    } else {
      call.syntax_error();
      return false;
    }
  }
  return true;
}

void reply_value(Call& call, std::optional<StoredValue> value) {
  if (!value) return call.reply.null();
  call.reply.bulk(std::move(*value).into_chunk());
}

void get_command(Call& call) {
  std::optional<StoredValue> value;
  if (call.find_string(call.argument(1), value)) reply_value(call, std::move(value));
}

void set_command(Call& call) {
  Options options;
  if (!parse_options(call, 3, Family::set, options)) return;
  std::optional<UnixMillis> expires_at;
  if (options.expiry_index != 0) {
    expires_at = expiry_moment(call, options.expiry_index, options.unit, options.base);
    if (!expires_at) return;
  }
  const std::string_view key = call.argument(1);
  std::optional<StoredValue> old;
  if (options.get) {
    if (!call.find_string(key, old)) return;
  } else if (options.nx || options.xx || options.keep_ttl) {
    if (!call.find(key, old)) return;
  }
  const bool refused = (options.nx && old) || (options.xx && !old);
  if (!refused) {
    if (options.keep_ttl && old) expires_at = old->expires_at;
    call.view->put(key, call.argument(2), expires_at);
  }
  if (options.get) return reply_value(call, std::move(old));
  if (refused) return call.reply.null();
  call.reply.ok();
}

void setnx_command(Call& call) {
  std::optional<StoredValue> old;
  if (!call.find(call.argument(1), old)) return;
  if (!old) call.view->put(call.argument(1), call.argument(2), std::nullopt);
  call.reply.integer(old ? 0 : 1);
}

void set_expiring(Call& call, ExpiryUnit unit) {
  const auto expires_at = expiry_moment(call, 2, unit, ExpiryBase::now);
  if (!expires_at) return;
  call.view->put(call.argument(1), call.argument(3), expires_at);
  call.reply.ok();
}

void setex_command(Call& call) {
  set_expiring(call, ExpiryUnit::seconds);
}

void psetex_command(Call& call) {
  set_expiring(call, ExpiryUnit::milliseconds);
}

void getset_command(Call& call) {
  std::optional<StoredValue> old;
  if (!call.find_string(call.argument(1), old)) return;
  call.view->put(call.argument(1), call.argument(2), std::nullopt);
  reply_value(call, std::move(old));
}

void getdel_command(Call& call) {
  std::optional<StoredValue> old;
  if (!call.find_string(call.argument(1), old)) return;
  if (old) call.view->erase(call.argument(1));
  reply_value(call, std::move(old));
}

void getex_command(Call& call) {
  Options options;
  if (!parse_options(call, 2, Family::getex, options)) return;
  const std::string_view key = call.argument(1);
  std::optional<StoredValue> value;
  if (!call.find_string(key, value)) return;
  if (!value) return call.reply.null();
  if (options.expiry_index != 0) {
    const auto expires_at = expiry_moment(call, options.expiry_index, options.unit, options.base);
    if (!expires_at) return;
    call.view->put(key, value->payload(), expires_at);  // a moment that has passed deletes
  } else if (options.persist && value->expires_at) {
    call.view->put(key, value->payload(), std::nullopt);
  }
  reply_value(call, std::move(value));
}

// The values go into the reply one by one: it has a bound, what the keys hold together has none.
void mget_command(Call& call) {
  const Arguments keys = call.arguments.subspan(1);
  const Reply::Mark mark = call.reply.mark();
  call.reply.array(keys.size());
  const auto reply = [&](std::size_t i, const record::Metadata* value) {
    call.note_found(keys[i], value);
    if (value != nullptr && value->type == record::Type::string) {
      call.reply.bulk(value->payload);
    } else {
      call.reply.null();
    }
    return !call.reply.overflowed();
  };
  const auto read = call.view->get_many(keys, reply);
  if (read) return;
  call.reply.rollback(mark);
  call.storage_error(read.error());
}

// False: an error was replied.
bool check_pairs(Call& call) {
  if (call.count() % 2 == 1) return true;
  call.reply.error("ERR wrong number of arguments for '" + std::string(call.spec.name) +
                   "' command");
  return false;
}

void put_pairs(Call& call) {
  for (std::size_t i = 1; i < call.count(); i += 2) {
    call.view->put(call.argument(i), call.argument(i + 1), std::nullopt);
  }
}

void mset_command(Call& call) {
  if (!check_pairs(call)) return;
  put_pairs(call);
  call.reply.ok();
}

void msetnx_command(Call& call) {
  if (!check_pairs(call)) return;
  for (std::size_t i = 1; i < call.count(); i += 2) {
    std::optional<StoredValue> old;
    if (!call.find(call.argument(i), old)) return;
    if (old) return call.reply.integer(0);
  }
  put_pairs(call);
  call.reply.integer(1);
}

constexpr std::array table{
    CommandSpec{.name = "get",
                .handler = get_command,
                .arity = 2,
                .flags = flag_readonly | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@read @string @fast",
                .key_flags = "RO access",
                .docs = {.summary = "Reads a string",
                         .since = "1.0.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
    CommandSpec{
        .name = "set",
        .handler = set_command,
        .arity = -3,
        .flags = flag_write | flag_denyoom,
        .keys = {1, 1, 1},
        .categories = "@write @string @slow",
        .key_flags = "RW access update variable_flags",
        .docs =
            {.summary = "Writes a string, whatever the key held",
             .since = "1.0.0",
             .group = "string",
             .complexity = "O(1)",
             .arguments =
                 "key|key@0 value|string condition|oneof?~2.6.12(nx|pure-token=NX "
                 "xx|pure-token=XX) get|pure-token=GET?~6.2.0 "
                 "expiration|oneof?(seconds|integer=EX~2.6.12 milliseconds|integer=PX~2.6.12 "
                 "unix-time-seconds|unix-time=EXAT~6.2.0 "
                 "unix-time-milliseconds|unix-time=PXAT~6.2.0 keepttl|pure-token=KEEPTTL~6.0.0)"}},
    CommandSpec{.name = "getset",
                .handler = getset_command,
                .arity = 3,
                .flags = flag_write | flag_denyoom | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@write @string @fast",
                .key_flags = "RW access update",
                .docs = {.summary = "Writes a string and answers the old one",
                         .since = "1.0.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0 value|string",
                         .deprecated_since = "6.2.0",
                         .replaced_by = "`SET` with the `!GET` argument"}},
    CommandSpec{.name = "getdel",
                .handler = getdel_command,
                .arity = 2,
                .flags = flag_write | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@write @string @fast",
                .key_flags = "RW access delete",
                .docs = {.summary = "Reads a string and deletes its key",
                         .since = "6.2.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
    CommandSpec{
        .name = "getex",
        .handler = getex_command,
        .arity = -2,
        .flags = flag_write | flag_fast,
        .keys = {1, 1, 1},
        .categories = "@write @string @fast",
        .key_flags = "RW access update",
        .docs = {.summary = "Reads a string and may change when it expires",
                 .since = "6.2.0",
                 .group = "string",
                 .complexity = "O(1)",
                 .arguments = "key|key@0 expiration|oneof?(seconds|integer=EX "
                              "milliseconds|integer=PX unix-time-seconds|unix-time=EXAT "
                              "unix-time-milliseconds|unix-time=PXAT persist|pure-token=PERSIST)"}},
    CommandSpec{.name = "setnx",
                .handler = setnx_command,
                .arity = 3,
                .flags = flag_write | flag_denyoom | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@write @string @fast",
                .key_flags = "OW insert",
                .docs = {.summary = "Writes a string unless the key exists",
                         .since = "1.0.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0 value|string"}},
    CommandSpec{.name = "setex",
                .handler = setex_command,
                .arity = 4,
                .flags = flag_write | flag_denyoom,
                .keys = {1, 1, 1},
                .categories = "@write @string @slow",
                .key_flags = "OW update",
                .docs = {.summary = "Writes a string that expires after some seconds",
                         .since = "2.0.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0 seconds|integer value|string"}},
    CommandSpec{.name = "psetex",
                .handler = psetex_command,
                .arity = 4,
                .flags = flag_write | flag_denyoom,
                .keys = {1, 1, 1},
                .categories = "@write @string @slow",
                .key_flags = "OW update",
                .docs = {.summary = "Writes a string that expires after some milliseconds",
                         .since = "2.6.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0 milliseconds|integer value|string"}},
    CommandSpec{.name = "mget",
                .handler = mget_command,
                .arity = -2,
                .flags = flag_readonly | flag_fast,
                .keys = {1, -1, 1},
                .categories = "@read @string @fast",
                .tips = "request_policy:multi_shard",
                .key_flags = "RO access",
                .docs = {.summary = "Reads several strings at one moment",
                         .since = "1.0.0",
                         .group = "string",
                         .complexity = "O(N)",
                         .arguments = "key|key@0*"}},
    CommandSpec{.name = "mset",
                .handler = mset_command,
                .arity = -3,
                .flags = flag_write | flag_denyoom,
                .keys = {1, -1, 2},
                .categories = "@write @string @slow",
                .tips = "request_policy:multi_shard response_policy:all_succeeded",
                .key_flags = "OW update",
                .docs = {.summary = "Writes several strings at one moment",
                         .since = "1.0.1",
                         .group = "string",
                         .complexity = "O(N)",
                         .arguments = "key_value|block*(key|key@0 value|string)"}},
    CommandSpec{.name = "msetnx",
                .handler = msetnx_command,
                .arity = -3,
                .flags = flag_write | flag_denyoom,
                .keys = {1, -1, 2},
                .categories = "@write @string @slow",
                .tips = "request_policy:multi_shard response_policy:agg_min",
                .key_flags = "OW insert",
                .docs = {.summary = "Writes several strings unless one of the keys exists",
                         .since = "1.0.1",
                         .group = "string",
                         .complexity = "O(N)",
                         .arguments = "key_value|block*(key|key@0 value|string)"}},
};

}  // namespace

std::span<const CommandSpec> string_commands() {
  return table;
}

}  // namespace restored::data
