// When an operation runs the operator's programs, and what follows from that. Each result is in the
// operation's record.
// Threading: by the operation's thread, not while its write gate is closed.
#pragma once

#include <stop_token>

#include "restore/engine_parts.h"
#include "restored/error.h"

namespace restored::restore {

// Asks hooks.before_swap, if there is one. Run again when the agent dies between its end and the
// swap. Errors: vetoed_by_hook (it failed, or did not end in time), cancelled (`stop`).
Result<void> ask_before_swap(EngineParts& parts, Operation& operation, const std::stop_token& stop);

bool has_hooks(const EngineParts& parts);

// Tell hooks.after_swap, or hooks.failed of an operation that `outcome` lets fail. Whatever these
// do, the operation ends as it does; an agent that dies, or stops, before they have ended does not
// run them again.
void tell_after_swap(EngineParts& parts, Operation& operation);
void tell_failed(EngineParts& parts, Operation& operation, const Result<void>& outcome);

}  // namespace restored::restore
