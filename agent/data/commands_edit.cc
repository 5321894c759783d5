// Strings, changed in place: parts of them, and numbers.
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "data/command.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

// False: an error was replied.
bool check_length(Call& call, std::uint64_t bytes, std::uint64_t more) {
  const std::uint64_t most = call.client.server.options.value_bytes_max;
  if (bytes <= most && more <= most - bytes) return true;
  call.reply.error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  return false;
}

void append_command(Call& call) {
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  const std::string_view more = call.argument(2);
  const std::string_view old = value ? value->payload() : std::string_view();
  if (value && !check_length(call, old.size(), more.size())) return;
  std::string joined;
  joined.reserve(old.size() + more.size());
  joined.append(old).append(more);
  call.view->put(call.argument(1), joined, value ? value->expires_at : std::nullopt);
  call.reply.integer(static_cast<std::int64_t>(joined.size()));
}

void strlen_command(Call& call) {
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  call.reply.integer(value ? static_cast<std::int64_t>(value->payload().size()) : 0);
}

void getrange_command(Call& call) {
  std::int64_t start = 0;
  std::int64_t end = 0;
  if (!call.integer(2, start) || !call.integer(3, end)) return;
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  const std::string_view text = value ? value->payload() : std::string_view();
  const auto size = static_cast<std::int64_t>(text.size());
  if (start < 0 && end < 0 && start > end) return call.reply.bulk("");
  if (start < 0) start = std::max<std::int64_t>(size + start, 0);
  if (end < 0) end = std::max<std::int64_t>(size + end, 0);
  end = std::min(end, size - 1);
  if (start > end || size == 0) return call.reply.bulk("");
  call.reply.bulk(
      text.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start + 1)));
}

void setrange_command(Call& call) {
  std::int64_t offset = 0;
  if (!call.integer(2, offset)) return;
  if (offset < 0) return call.reply.error("ERR offset is out of range");
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  const std::string_view patch = call.argument(3);
  const std::string_view old = value ? value->payload() : std::string_view();
  if (patch.empty()) return call.reply.integer(static_cast<std::int64_t>(old.size()));
  const auto begin = static_cast<std::uint64_t>(offset);
  if (!check_length(call, begin, patch.size())) return;
  std::string text;
  text.reserve(std::max<std::size_t>(old.size(), begin + patch.size()));
  text.append(old);
  if (text.size() < begin + patch.size()) text.resize(begin + patch.size());
  text.replace(begin, patch.size(), patch);
  call.view->put(call.argument(1), text, value ? value->expires_at : std::nullopt);
  call.reply.integer(static_cast<std::int64_t>(text.size()));
}

// A far offset makes a big value of a small request.
std::size_t setrange_weight(Arguments arguments) {
  if (arguments.size() < 3) return 0;
  const auto offset = parse_integer(arguments[2]);
  return offset && *offset > 0 ? static_cast<std::size_t>(*offset) : 0;
}

void add(Call& call, std::int64_t increment) {
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  std::int64_t number = 0;
  if (value) {
    const auto parsed = parse_integer(value->payload());
    if (!parsed) return call.reply.error("ERR value is not an integer or out of range");
    number = *parsed;
  }
  if (__builtin_add_overflow(number, increment, &number)) {
    return call.reply.error("ERR increment or decrement would overflow");
  }
  const IntegerText text(number);
  call.view->put(call.argument(1), text.view(), value ? value->expires_at : std::nullopt);
  call.reply.integer(number);
}

void incr_command(Call& call) {
  add(call, 1);
}

void decr_command(Call& call) {
  add(call, -1);
}

void incrby_command(Call& call) {
  std::int64_t increment = 0;
  if (call.integer(2, increment)) add(call, increment);
}

void decrby_command(Call& call) {
  std::int64_t decrement = 0;
  if (!call.integer(2, decrement)) return;
  if (decrement == std::numeric_limits<std::int64_t>::min()) {
    return call.reply.error("ERR decrement would overflow");
  }
  add(call, -decrement);
}

void incrbyfloat_command(Call& call) {
  std::optional<StoredValue> value;
  if (!call.find_string(call.argument(1), value)) return;
  const auto number = value ? parse_float(value->payload()) : 0.0L;
  const auto increment = parse_float(call.argument(2));
  if (!number || !increment) return call.reply.error("ERR value is not a valid float");
  const long double sum = *number + *increment;
  if (std::isnan(sum) || std::isinf(sum)) {
    return call.reply.error("ERR increment would produce NaN or Infinity");
  }
  const std::string text = format_float(sum);
  call.view->put(call.argument(1), text, value ? value->expires_at : std::nullopt);
  call.reply.bulk(text);
}

constexpr std::array table{
    CommandSpec{.name = "append",
                .handler = append_command,
                .arity = 3,
                .flags = flag_write | flag_denyoom | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@write @string @fast",
                .key_flags = "RW insert",
                .docs = {.summary = "Adds to the end of a string",
                         .since = "2.0.0",
                         .group = "string",
                         .complexity = "O(N) of the resulting length",
                         .arguments = "key|key@0 value|string"}},
    CommandSpec{.name = "strlen",
                .handler = strlen_command,
                .arity = 2,
                .flags = flag_readonly | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@read @string @fast",
                .key_flags = "RO",
                .docs = {.summary = "Tells the length of a string",
                         .since = "2.2.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
    CommandSpec{.name = "getrange",
                .handler = getrange_command,
                .arity = 4,
                .flags = flag_readonly,
                .keys = {1, 1, 1},
                .categories = "@read @string @slow",
                .key_flags = "RO access",
                .docs = {.summary = "Reads a part of a string",
                         .since = "2.4.0",
                         .group = "string",
                         .complexity = "O(N) of the stored length",
                         .arguments = "key|key@0 start|integer end|integer"}},
    CommandSpec{.name = "setrange",
                .handler = setrange_command,
                .arity = 4,
                .flags = flag_write | flag_denyoom,
                .keys = {1, 1, 1},
                .categories = "@write @string @slow",
                .key_flags = "RW update",
                .docs = {.summary = "Overwrites a part of a string",
                         .since = "2.2.0",
                         .group = "string",
                         .complexity = "O(N) of the resulting length",
                         .arguments = "key|key@0 offset|integer value|string"},
                .weight = setrange_weight},
    CommandSpec{.name = "incr",
                .handler = incr_command,
                .arity = 2,
                .flags = flag_write | flag_denyoom | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@write @string @fast",
                .key_flags = "RW access update",
                .docs = {.summary = "Adds one to a number",
                         .since = "1.0.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
    CommandSpec{.name = "decr",
                .handler = decr_command,
                .arity = 2,
                .flags = flag_write | flag_denyoom | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@write @string @fast",
                .key_flags = "RW access update",
                .docs = {.summary = "Subtracts one from a number",
                         .since = "1.0.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0"}},
    CommandSpec{.name = "incrby",
                .handler = incrby_command,
                .arity = 3,
                .flags = flag_write | flag_denyoom | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@write @string @fast",
                .key_flags = "RW access update",
                .docs = {.summary = "Adds to a number",
                         .since = "1.0.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0 increment|integer"}},
    CommandSpec{.name = "decrby",
                .handler = decrby_command,
                .arity = 3,
                .flags = flag_write | flag_denyoom | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@write @string @fast",
                .key_flags = "RW access update",
                .docs = {.summary = "Subtracts from a number",
                         .since = "1.0.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0 decrement|integer"}},
    CommandSpec{.name = "incrbyfloat",
                .handler = incrbyfloat_command,
                .arity = 3,
                .flags = flag_write | flag_denyoom | flag_fast,
                .keys = {1, 1, 1},
                .categories = "@write @string @fast",
                .key_flags = "RW access update",
                .docs = {.summary = "Adds to a number with a fraction",
                         .since = "2.6.0",
                         .group = "string",
                         .complexity = "O(1)",
                         .arguments = "key|key@0 increment|double"}},
};

}  // namespace

std::span<const CommandSpec> edit_commands() {
  return table;
}

}  // namespace restored::data
