// When keys expire. An expired key is absent for every command; its record goes in compaction.
#include <array>
#include <limits>

#include "data/command.h"
#include "data/expiry_option.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

struct Conditions {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;

  bool allow(std::optional<UnixMillis> current, UnixMillis wanted) const {
    if (nx && current) return false;
    if (xx && !current) return false;
    if (gt && (!current || wanted <= *current)) return false;  // no expiry is later than any
    return !(lt && current && wanted >= *current);
  }
};

// False: an error was replied.
bool parse_conditions(Call& call, Conditions& conditions) {
  for (std::size_t i = 3; i < call.count(); ++i) {
    const std::string_view word = call.argument(i);
    if (equals_ignoring_case(word, "NX")) {
      conditions.nx = true;
    } else if (equals_ignoring_case(word, "XX")) {
      conditions.xx = true;
    } else if (equals_ignoring_case(word, "GT")) {
      conditions.gt = true;
    } else if (equals_ignoring_case(word, "LT")) {
      conditions.lt = true;
    } else {
      call.reply.error("ERR Unsupported option " + std::string(word));
      return false;
    }
  }
  if (conditions.nx && (conditions.xx || conditions.gt || conditions.lt)) {
    call.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return false;
  }
  if (conditions.gt && conditions.lt) {
    call.reply.error("ERR GT and LT options at the same time are not compatible");
    return false;
  }
  return true;
}

void expire(Call& call, ExpiryUnit unit, ExpiryBase base) {
  Conditions conditions;
  if (!parse_conditions(call, conditions)) return;
  std::int64_t moment = 0;
  if (!call.integer(2, moment)) return;
  using Limit = std::numeric_limits<std::int64_t>;
  if (unit == ExpiryUnit::seconds) {
    if (moment > Limit::max() / 1000 || moment < Limit::min() / 1000) return invalid_expiry(call);
    moment *= 1000;
  }
  const std::int64_t origin = base == ExpiryBase::now ? call.now : 0;
  if (moment > Limit::max() - origin) return invalid_expiry(call);
  moment += origin;
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  if (!value || !conditions.allow(value->expires_at, moment)) return call.reply.integer(0);
  call.view->put(call.argument(1), value->payload(), moment);  // in the past: deletes
  call.reply.integer(1);
}

void expire_command(Call& call) {
  expire(call, ExpiryUnit::seconds, ExpiryBase::now);
}

void pexpire_command(Call& call) {
  expire(call, ExpiryUnit::milliseconds, ExpiryBase::now);
}

void expireat_command(Call& call) {
  expire(call, ExpiryUnit::seconds, ExpiryBase::epoch);
}

void pexpireat_command(Call& call) {
  expire(call, ExpiryUnit::milliseconds, ExpiryBase::epoch);
}

// -2 without the key, -1 without an expiry; seconds are rounded.
void tell(Call& call, ExpiryUnit unit, ExpiryBase base) {
  std::optional<StoredValue> value;
  if (!call.find(call.argument(1), value)) return;
  if (!value) return call.reply.integer(-2);
  if (!value->expires_at) return call.reply.integer(-1);
  const std::int64_t time = *value->expires_at - (base == ExpiryBase::now ? call.now : 0);
  // Rounded half up without leaving the range; never negative, for what has expired is not found.
  call.reply.integer(unit == ExpiryUnit::seconds ? time / 1000 + (time % 1000 >= 500 ? 1 : 0)
                                                 : time);
}

void ttl_command(Call& call) {
  tell(call, ExpiryUnit::seconds, ExpiryBase::now);
}

void pttl_command(Call& call) {
  tell(call, ExpiryUnit::milliseconds, ExpiryBase::now);
}

void expiretime_command(Call& call) {
  tell(call, ExpiryUnit::seconds, ExpiryBase::epoch);
}

void pexpiretime_command(Call& call) {
  tell(call, ExpiryUnit::milliseconds, ExpiryBase::epoch);
}

void persist_command(Call& call) {
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  const bool expires = value && value->expires_at;
  if (expires) call.view->put(call.argument(1), value->payload(), std::nullopt);
  call.reply.integer(expires ? 1 : 0);
}

constexpr std::array table{
    CommandSpec{
        .name = "expire",
        .handler = expire_command,
        .arity = -3,
        .flags = flag_write | flag_fast,
        .keys = {1, 1, 1},
        .categories = "@keyspace @write @fast",
        .key_flags = "RW update",
        .docs = {.summary = "Lets a key expire after some seconds",
                 .since = "1.0.0",
                 .group = "generic",
                 .complexity = "O(1)",
                 .arguments = "key|key@0 seconds|integer condition|oneof?~7.0.0(nx|pure-token=NX "
                              "xx|pure-token=XX gt|pure-token=GT lt|pure-token=LT)"}},
    CommandSpec{
        .name = "pexpire",
        .handler = pexpire_command,
        .arity = -3,
        .flags = flag_write | flag_fast,
        .keys = {1, 1, 1},
        .categories = "@keyspace @write @fast",
        .key_flags = "RW update",
        .docs = {.summary = "Lets a key expire after some milliseconds",
                 .since = "2.6.0",
                 .group = "generic",
                 .complexity = "O(1)",
                 .arguments =
                     "key|key@0 milliseconds|integer condition|oneof?~7.0.0(nx|pure-token=NX "
                     "xx|pure-token=XX gt|pure-token=GT lt|pure-token=LT)"}},
    CommandSpec{
        .name = "expireat",
        .handler = expireat_command,
        .arity = -3,
        .flags = flag_write | flag_fast,
        .keys = {1, 1, 1},
        .categories = "@keyspace @write @fast",
        .key_flags = "RW update",
        .docs =
            {.summary = "Lets a key expire at a moment in seconds",
             .since = "1.2.0",
             .group = "generic",
             .complexity = "O(1)",
             .arguments =
                 "key|key@0 unix-time-seconds|unix-time condition|oneof?~7.0.0(nx|pure-token=NX "
                 "xx|pure-token=XX gt|pure-token=GT lt|pure-token=LT)"}},
    CommandSpec{.name = "pexpireat",
                .handler = pexpireat_command,
                .arity = -3,
                .flags = flag_write | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@keyspace @write @fast",
                .key_flags = "RW update",
                .docs = {.summary = "Lets a key expire at a moment in milliseconds",
                         .since = "2.6.0",
                         .group = "generic",
                         .complexity = "O(1)",
                         .arguments = "key|key@0 unix-time-milliseconds|unix-time "
                                      "condition|oneof?~7.0.0(nx|pure-token=NX xx|pure-token=XX "
                                      "gt|pure-token=GT lt|pure-token=LT)"}},
    CommandSpec{.name = "ttl",
                .handler = ttl_command,
                .arity = 2,
                .flags = flag_readonly | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@keyspace @read @fast",
                .tips = "nondeterministic_output",
                .key_flags = "RO access",
                .docs = {.summary = "Tells after how many seconds a key expires",
                         .since = "1.0.0",
                         .group = "generic",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
    CommandSpec{.name = "pttl",
                .handler = pttl_command,
                .arity = 2,
                .flags = flag_readonly | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@keyspace @read @fast",
                .tips = "nondeterministic_output",
                .key_flags = "RO access",
                .docs = {.summary = "Tells after how many milliseconds a key expires",
                         .since = "2.6.0",
                         .group = "generic",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
    CommandSpec{.name = "expiretime",
                .handler = expiretime_command,
                .arity = 2,
                .flags = flag_readonly | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@keyspace @read @fast",
                .key_flags = "RO access",
                .docs = {.summary = "Tells at which second a key expires",
                         .since = "7.0.0",
                         .group = "generic",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
    CommandSpec{.name = "pexpiretime",
                .handler = pexpiretime_command,
                .arity = 2,
                .flags = flag_readonly | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@keyspace @read @fast",
                .key_flags = "RO access",
                .docs = {.summary = "Tells at which millisecond a key expires",
                         .since = "7.0.0",
                         .group = "generic",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
    CommandSpec{.name = "persist",
                .handler = persist_command,
                .arity = 2,
                .flags = flag_write | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@keyspace @write @fast",
                .key_flags = "RW update",
                .docs = {.summary = "Lets a key live on",
                         .since = "2.2.0",
                         .group = "generic",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
};

}  // namespace

std::span<const CommandSpec> expiry_commands() {
  return table;
}

}  // namespace restored::data
