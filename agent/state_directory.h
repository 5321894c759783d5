// The state directory is its owner's alone: it holds every database, the administrator's token and
// the hashes of all secrets.
#pragma once

#include <string>

#include "restored/error.h"

namespace restored::agent {

// Looks at a directory that is there already, before anything in it is opened. What its group or
// others could do with it, or with what stands at its top, is taken away, and the log says so;
// below closed directories nobody reaches anything. One that is not there will be made private by
// the process's umask.
// Errors: permission_denied (it belongs to another user), invalid_configuration (no directory),
// io_error.
Result<void> close_state_directory(const std::string& path);

}  // namespace restored::agent
