// The life of the process: open the engine, listen, say ready, wait for a signal, stop cleanly.
#pragma once

#include "config/config.h"
#include "restored/error.h"

namespace restored::agent {

// Returns after SIGTERM or SIGINT, when every operation is parked, every client's last command is
// answered and every handle is closed. REQUIRES: called once, before any other thread exists.
// Errors: whatever kept it from starting, or from closing cleanly.
Result<void> run_daemon(const Config& config, bool new_admin_token);

}  // namespace restored::agent
