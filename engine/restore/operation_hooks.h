// When an operation runs the operator's programs, and what follows from that. Each result is in the
// operation's record.
// Threading: by the operation's thread, not while its write gate is closed. What a hook throws
// while it is told of an end ends there.
#pragma once

#include <stop_token>

#include "restore/engine_parts.h"
#include "restored/error.h"

namespace restored::restore {

// Asks hooks.before_swap, if there is one. Run again when the agent dies between its end and the
// swap. Errors: vetoed_by_hook (it failed, or did not end in time), cancelled (`stop`).
Result<void> ask_before_swap(EngineParts& parts, Operation& operation, const std::stop_token& stop);

bool has_hooks(const EngineParts& parts);

// Tell hooks.failed of an operation that has failed, hooks.after_swap of a restore or an undo that
// has succeeded; they do nothing of others. REQUIRES: settle(), not yet announce(). The end is on
// record before, so whatever these do, and whoever stops or dies meanwhile, it stays as it is; an
// agent that dies, or stops, before they have ended does not run them again.
void tell_failed(EngineParts& parts, Operation& operation);
void tell_after_swap(EngineParts& parts, Operation& operation);

}  // namespace restored::restore
