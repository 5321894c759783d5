// "CLIENT HELP" and its like, from the table.
#pragma once

#include <string_view>

#include "data/command.h"

namespace restored::data {

void reply_help(Call& call, std::string_view container);

}  // namespace restored::data
