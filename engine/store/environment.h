// The process's environment variables, through a function, so that tests bring their own.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace restored::store {

// Nothing: there is no such variable, or it is empty. Who asks for a secret wipes it.
// Threading: may be called from any thread at once.
using Environment = std::function<std::optional<std::string>(const char* name)>;

// Knows the secrets that forget_environment_secrets() has taken, too.
Environment process_environment();

// Takes AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN out of the process's environment: moves them
// into memory of their own and overwrites them where they were, so that neither /proc/PID/environ
// nor a core dump nor a child process has them.
// REQUIRES: no other thread reads or changes the environment meanwhile: called at the start.
void forget_environment_secrets();

}  // namespace restored::store
