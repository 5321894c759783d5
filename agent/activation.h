// Sockets that the service manager opened before the agent was there (sd_listen_fds): who connects
// while it starts, or between two runs of it, waits instead of being refused.
#pragma once

#include <vector>

#include "restored/error.h"

namespace restored::agent {

// The control sockets that were passed, listening, owned by the caller from then on; a second call
// finds none. REQUIRES: there is one thread; the environment is changed. Errors:
// invalid_configuration (one that is not named "control", or does not listen).
Result<std::vector<int>> passed_control_sockets();

}  // namespace restored::agent
