// An operation's events, line by line, until its end.
#pragma once

#include <string>

#include "session.h"

namespace restored::ctl {

// Prints each event: a line for people, or with --json the agent's own. An agent that restarts
// meanwhile is waited for, and what happened between is told then. Errors: the operation's own
// when it failed or was cancelled; connection_failed when the agent stays away.
Outcome watch(const Session& session, const std::string& operation);

}  // namespace restored::ctl
