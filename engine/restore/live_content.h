// The digest of what a database serves. See Engine::live_content.
#pragma once

#include <atomic>
#include <stop_token>

#include "base/clock.h"
#include "restored/content_digest.h"
#include "restored/error.h"
#include "restored/keyspace.h"

namespace restored::restore {

// `taken` is true while one runs. Errors: those of Engine::live_content.
Result<LiveContent> read_live_content(const Keyspace& keyspace, const Clock& clock,
                                      std::atomic<bool>& taken, std::stop_token stop);

}  // namespace restored::restore
