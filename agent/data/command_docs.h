// How COMMAND INFO and COMMAND DOCS describe a row of the table.
#pragma once

#include "data/command.h"
#include "data/reply.h"

namespace restored::data {

void reply_command_info(Reply& reply, const CommandSpec& spec);
// The pair of name and description.
void reply_command_docs(Reply& reply, const CommandSpec& spec);

}  // namespace restored::data
