// The fetch stage of a restore alone: its threads, its turns, its leases, its requests. What has
// arrived is let go at once, neither decoded nor written.
#pragma once

#include <span>

#include "pipeline/fetch.h"
#include "restored/error.h"

namespace restored::bench {

Result<void> fetch_to_nowhere(std::span<const pipeline::FetchFile> files,
                              const pipeline::FetchEnvironment& environment);

}  // namespace restored::bench
