// The operator's programs by event: whether they can be run, what they are told, what is kept of
// them.
// Threading: all functions may be called from any thread at once.
#pragma once

#include <stop_token>
#include <string>

#include "restored/error.h"
#include "restored/hook_options.h"
#include "restored/operation.h"

namespace restored::hook {

// Each one that is named is a regular file, executable for this user, and cannot be written to by
// everybody. Errors: invalid_configuration, naming the key.
Result<void> check(const HookOptions& options);

// Empty: none.
const std::string& program_of(const HookOptions& options, HookEvent event);

struct HookEnd {
  HookResult result;
  bool stopped = false;  // by `stop`, before it had ended itself
  std::string sentence;  // "ended with exit status 3"
};
// Told of the operation as it is in the view. REQUIRES: there is a program for the event.
HookEnd run(const HookOptions& options, HookEvent event, const OperationView& view,
            const std::stop_token& stop);

// Well-formed UTF-8 of at most so many bytes, with line feeds and tabs and no other control
// characters, without line feeds at its end.
std::string kept_text(std::string_view output, std::size_t bytes_max);

}  // namespace restored::hook
