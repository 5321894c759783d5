// COMMAND and its subcommands: the table, told to clients.
#include <array>
#include <vector>

#include "data/command.h"
#include "data/command_docs.h"
#include "data/command_table.h"
#include "data/glob.h"
#include "data/help.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

const std::vector<const CommandSpec*>& all() {
  return CommandTable::instance().commands();
}

// "get", or "config|get".
const CommandSpec* find(std::string_view name) {
  const std::size_t bar = name.find('|');
  const CommandSpec* spec = CommandTable::instance().find(name.substr(0, bar));
  if (spec == nullptr || bar == std::string_view::npos) return spec;
  return CommandTable::find_subcommand(*spec, name.substr(bar + 1));
}

void command_command(Call& call) {
  call.reply.array(all().size());
  for (const CommandSpec* spec : all()) reply_command_info(call.reply, *spec);
}

void command_count(Call& call) {
  call.reply.integer(static_cast<std::int64_t>(all().size()));
}

void command_info(Call& call) {
  if (call.count() == 2) return command_command(call);
  call.reply.array(call.count() - 2);
  for (const std::string_view name : call.arguments.subspan(2)) {
    if (const CommandSpec* spec = find(name)) {
      reply_command_info(call.reply, *spec);
    } else {
      call.reply.null();
    }
  }
}

void command_docs(Call& call) {
  std::vector<const CommandSpec*> wanted;
  for (const std::string_view name : call.arguments.subspan(2)) {
    if (const CommandSpec* spec = find(name)) wanted.push_back(spec);
  }
  if (call.count() == 2) wanted = all();
  call.reply.map(wanted.size());
  for (const CommandSpec* spec : wanted) reply_command_docs(call.reply, *spec);
}

bool has_category(const CommandSpec& spec, std::string_view category) {
  std::string_view categories = spec.categories;
  while (!categories.empty()) {
    const std::size_t end = std::min(categories.find(' '), categories.size());
    if (equals_ignoring_case(categories.substr(1, end - 1), category)) return true;
    categories.remove_prefix(std::min(end + 1, categories.size()));
  }
  return false;
}

void command_list(Call& call) {
  std::vector<std::string_view> names;
  const bool filtered = call.count() == 5 && equals_ignoring_case(call.argument(2), "FILTERBY");
  if (!filtered && call.count() != 2) return call.syntax_error();
  const std::string_view by = filtered ? call.argument(3) : "";
  const std::string_view wanted = filtered ? call.argument(4) : "";
  const bool module = equals_ignoring_case(by, "MODULE");
  const bool category = equals_ignoring_case(by, "ACLCAT");
  const bool pattern = equals_ignoring_case(by, "PATTERN");
  if (filtered && !module && !category && !pattern) return call.syntax_error();
  for (const CommandSpec* spec : all()) {
    if (module) continue;  // there are none
    if (category && !has_category(*spec, wanted)) continue;
    if (pattern && !glob_matches(wanted, spec->name, true)) continue;
    names.push_back(spec->name);
  }
  call.reply.array(names.size());
  for (const std::string_view name : names) call.reply.bulk(name);
}

void command_help(Call& call) {
  reply_help(call, "command");
}

constexpr CommandSpec sub(std::string_view name, void (*handler)(Call&), int arity,
                          std::string_view summary, std::string_view since,
                          std::string_view arguments = {}, std::string_view tips = {}) {
  return {.name = name,
          .handler = handler,
          .arity = arity,
          .flags = flag_loading | flag_stale,
          .categories = "@slow @connection",
          .tips = tips,
          .docs = {.summary = summary,
                   .since = since,
                   .group = "server",
                   .complexity = "O(N)",
                   .arguments = arguments}};
}

constexpr std::string_view names_argument = "command-name|string?*";
constexpr std::string_view any_order = "nondeterministic_output_order";

constexpr std::array subcommands{
    sub("command|count", command_count, 2, "Counts the commands", "2.8.13"),
    sub("command|info", command_info, -2, "Describes commands to programs", "2.8.13",
        names_argument, any_order),
    sub("command|docs", command_docs, -2, "Describes commands to people", "7.0.0", names_argument,
        any_order),
    sub("command|list", command_list, -2, "Lists the names of the commands", "7.0.0",
        "filterby|oneof=FILTERBY?(module-name|string=MODULE category|string=ACLCAT "
        "pattern|pattern=PATTERN)",
        any_order),
    sub("command|help", command_help, 2, "Lists the subcommands", "5.0.0"),
};

constexpr std::array table{
    CommandSpec{.name = "command",
                .handler = command_command,
                .arity = -1,
                .flags = flag_loading | flag_stale,
                .categories = "@slow @connection",
                .tips = any_order,
                .docs = {.summary = "Describes all commands to programs",
                         .since = "2.8.13",
                         .group = "server",
                         .complexity = "O(N)"},
                .subcommands = subcommands},
};

}  // namespace

std::span<const CommandSpec> command_commands() {
  return table;
}

}  // namespace restored::data
