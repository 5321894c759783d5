// Destructive verbs want the target's id typed once more; no flag says yes to everything.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "failure.h"

namespace restored::ctl {

// Passes when `given` (--confirm) is one of `accepted`, of which the first is the one to name. On
// a terminal a missing --confirm is asked for. `consequence`: "this deletes ...".
// Errors: invalid_argument, with what to type.
Outcome confirm(const std::optional<std::string>& given, const std::vector<std::string>& accepted,
                std::string_view consequence);

// What counts as typing a database's id: what the person wrote, and the id with or without db_.
std::vector<std::string> database_spellings(const std::string& typed, const std::string& id);

}  // namespace restored::ctl
