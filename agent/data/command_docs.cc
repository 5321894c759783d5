// The notation of CommandDocs::arguments: arguments separated by spaces, each
//   name|type[=TOKEN][@key range][?][*][~since][!deprecated since][(arguments)]
// with ? for optional and * for repeated. SET's NX or XX, for example:
//   condition|oneof?~2.6.12(nx|pure-token=NX xx|pure-token=XX)
#include "data/command_docs.h"

#include <array>
#include <vector>

#include "data/numbers.h"

namespace restored::data {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

void reply_words(Reply& reply, std::string_view text) {
  const auto words = split(text, ' ');
  reply.set(words.size());
  for (const std::string_view word : words) reply.simple(word);
}

struct FlagName {
  CommandFlag flag;
  std::string_view name;
};
constexpr std::array flag_names{
    FlagName{flag_write, "write"},
    FlagName{flag_readonly, "readonly"},
    FlagName{flag_denyoom, "denyoom"},
    FlagName{flag_admin, "admin"},
    FlagName{flag_noscript, "noscript"},
    FlagName{flag_loading, "loading"},
    FlagName{flag_stale, "stale"},
    FlagName{flag_skip_slowlog, "skip_slowlog"},
    FlagName{flag_fast, "fast"},
    FlagName{flag_no_auth, "no_auth"},
    FlagName{flag_allow_busy, "allow_busy"},
    FlagName{flag_no_async_loading, "no_async_loading"},
};

void reply_flags(Reply& reply, const CommandSpec& spec) {
  std::vector<std::string_view> names;
  for (const FlagName& known : flag_names) {
    if (spec.has(known.flag)) names.push_back(known.name);
  }
  reply.set(names.size());
  for (const std::string_view flag : names) reply.simple(flag);
}

// A range of keys: where it begins, and its last key and step from there.
void reply_key_range(Reply& reply, std::string_view flags, int begin, int last, int step) {
  reply.map(3);
  reply.bulk("flags");
  reply_words(reply, flags);
  reply.bulk("begin_search");
  reply.map(2);
  reply.bulk("type");
  reply.bulk("index");
  reply.bulk("spec");
  reply.map(1);
  reply.bulk("index");
  reply.integer(begin);
  reply.bulk("find_keys");
  reply.map(2);
  reply.bulk("type");
  reply.bulk("range");
  reply.bulk("spec");
  reply.map(3);
  reply.bulk("lastkey");
  reply.integer(last);
  reply.bulk("keystep");
  reply.integer(step);
  reply.bulk("limit");
  reply.integer(0);
}

void reply_key_ranges(Reply& reply, const CommandSpec& spec) {
  const auto ranges = split(spec.key_flags, ';');
  reply.set(ranges.size());
  const KeyPositions& keys = spec.keys;
  if (ranges.size() == 1) {
    const int last = keys.last < 0 ? keys.last : keys.last - keys.first;
    return reply_key_range(reply, ranges[0], keys.first, last, keys.step);
  }
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    reply_key_range(reply, ranges[i], keys.first + static_cast<int>(i), 0, 1);
  }
}

// One parsed argument of the notation.
struct Argument {
  std::string_view name;
  std::string_view type;
  std::string_view token;
  std::string_view key_range;
  std::string_view since;
  std::string_view deprecated_since;
  bool optional = false;
  bool repeated = false;
  std::string_view inner;
};

// Cuts the text up to one of `ends` off the front of `text`.
std::string_view take_until(std::string_view& text, std::string_view ends) {
  const std::size_t end = std::min(text.find_first_of(ends), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

std::string_view take_parenthesised(std::string_view& text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) {
      const std::string_view inner = text.substr(1, i - 1);
      text.remove_prefix(i + 1);
      return inner;
    }
  }
  return {};
}

Argument take_argument(std::string_view& text) {
  constexpr std::string_view ends = "=@?*~!( ";
  Argument argument;
  argument.name = take_until(text, "|");
  text.remove_prefix(1);
  argument.type = take_until(text, ends);
  while (!text.empty() && text.front() != ' ') {
    const char mark = text.front();
    if (mark == '(') {
      argument.inner = take_parenthesised(text);
      continue;
    }
    text.remove_prefix(1);
    if (mark == '?') argument.optional = true;
    if (mark == '*') argument.repeated = true;
    if (mark == '=') argument.token = take_until(text, ends);
    if (mark == '@') argument.key_range = take_until(text, ends);
    if (mark == '~') argument.since = take_until(text, ends);
    if (mark == '!') argument.deprecated_since = take_until(text, ends);
  }
  while (text.starts_with(' ')) text.remove_prefix(1);
  return argument;
}

void reply_pair(Reply& reply, std::string_view name, std::string_view value) {
  reply.bulk(name);
  reply.bulk(value);
}

void reply_arguments(Reply& reply, std::string_view text);

void reply_argument(Reply& reply, const Argument& argument) {
  const bool flags = argument.optional || argument.repeated;
  const std::size_t pairs =
      2 + (argument.key_range.empty() ? 0u : 1u) + (argument.token.empty() ? 0u : 1u) +
      (argument.since.empty() ? 0u : 1u) + (argument.deprecated_since.empty() ? 0u : 1u) +
      (flags ? 1u : 0u) + (argument.inner.empty() ? 0u : 1u);
  reply.map(pairs);
  reply_pair(reply, "name", argument.name);
  reply_pair(reply, "type", argument.type);
  if (!argument.key_range.empty()) {
    reply.bulk("key_spec_index");
    reply.integer(parse_integer(argument.key_range).value_or(0));
  }
  if (!argument.token.empty()) reply_pair(reply, "token", argument.token);
  if (!argument.since.empty()) reply_pair(reply, "since", argument.since);
  if (!argument.deprecated_since.empty()) {
    reply_pair(reply, "deprecated_since", argument.deprecated_since);
  }
  if (flags) {
    reply.bulk("flags");
    reply.set((argument.optional ? 1u : 0u) + (argument.repeated ? 1u : 0u));
    if (argument.optional) reply.simple("optional");
    if (argument.repeated) reply.simple("multiple");
  }
  if (!argument.inner.empty()) {
    reply.bulk("arguments");
    reply_arguments(reply, argument.inner);
  }
}

void reply_arguments(Reply& reply, std::string_view text) {
  std::vector<Argument> arguments;
  while (!text.empty()) arguments.push_back(take_argument(text));
  reply.array(arguments.size());
  for (const Argument& argument : arguments) reply_argument(reply, argument);
}

}  // namespace

void reply_command_info(Reply& reply, const CommandSpec& spec) {
  reply.array(10);
  reply.bulk(spec.name);
  reply.integer(spec.arity);
  reply_flags(reply, spec);
  reply.integer(spec.keys.first);
  reply.integer(spec.keys.last);
  reply.integer(spec.keys.step);
  reply_words(reply, spec.categories);
  const auto tips = split(spec.tips, ' ');
  reply.set(tips.size());
  for (const std::string_view tip : tips) reply.bulk(tip);
  reply_key_ranges(reply, spec);
  reply.set(spec.subcommands.size());
  for (const CommandSpec& subcommand : spec.subcommands) reply_command_info(reply, subcommand);
}

void reply_command_docs(Reply& reply, const CommandSpec& spec) {
  const CommandDocs& docs = spec.docs;
  const bool deprecated = !docs.deprecated_since.empty();
  reply.bulk(spec.name);
  reply.map(4 + (deprecated ? 3u : 0u) + (docs.arguments.empty() ? 0u : 1u) +
            (spec.subcommands.empty() ? 0u : 1u));
  reply_pair(reply, "summary", docs.summary);
  reply_pair(reply, "since", docs.since);
  reply_pair(reply, "group", docs.group);
  reply_pair(reply, "complexity", docs.complexity);
  if (deprecated) {
    reply.bulk("doc_flags");
    reply.set(1);
    reply.simple("deprecated");
    reply_pair(reply, "deprecated_since", docs.deprecated_since);
    reply_pair(reply, "replaced_by", docs.replaced_by);
  }
  if (!docs.arguments.empty()) {
    reply.bulk("arguments");
    reply_arguments(reply, docs.arguments);
  }
  if (!spec.subcommands.empty()) {
    reply.bulk("subcommands");
    reply.map(spec.subcommands.size());
    for (const CommandSpec& subcommand : spec.subcommands) reply_command_docs(reply, subcommand);
  }
}

}  // namespace restored::data
