// The administrator's token: made at the first start, written where only root and the agent read.
#pragma once

#include <string>

#include "restored/engine.h"
#include "restored/error.h"

namespace restored::agent {

// Writes <state>/admin.token (mode 0600, durable) when the registry never had a token, or when a
// new one is asked for (every older token named "admin" is revoked then). The file comes before
// the registry, so a start that was killed in between is repeated by the next. A missing file on a
// registry that has tokens is left missing: the log says how to get a new one.
Result<void> write_admin_token(Engine& engine, const std::string& state_directory, bool renew);

}  // namespace restored::agent
