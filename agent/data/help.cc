#include "data/help.h"

#include <string>

#include "data/command_table.h"
#include "data/numbers.h"

namespace restored::data {

void reply_help(Call& call, std::string_view container) {
  const CommandSpec* spec = CommandTable::instance().find(container);
  Reply& reply = call.reply;
  reply.array(1 + 2 * spec->subcommands.size());
  reply.simple(to_upper(container) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const CommandSpec& subcommand : spec->subcommands) {
    reply.simple(to_upper(subcommand.name.substr(container.size() + 1)));
    reply.simple("    " + std::string(subcommand.docs.summary) + ".");
  }
}

}  // namespace restored::data
