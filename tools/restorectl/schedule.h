// restorectl database schedule
#pragma once

#include "session.h"

namespace restored::ctl {

void add_schedule_verb(Verbs& verbs, CLI::App& group);

}  // namespace restored::ctl
