// Why a history has no explanation, in words that name the operations.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "numbered.h"
#include "state.h"

namespace restored::history {

// `states`: what the database could be before the operation had to happen.
std::string explain_operation(const NumberedHistory& history, const NumberedOperation& operation,
                              const std::vector<State>& states,
                              const std::vector<const NumberedOperation*>& unfinished);
std::string explain_swap(const NumberedHistory& history, std::size_t swap,
                         const std::vector<const NumberedOperation*>& unfinished);

}  // namespace restored::history
