// Engine::open with the seams that tests need.
#pragma once

#include <memory>

#include "restore/engine_parts.h"
#include "restored/engine.h"
#include "restored/error.h"

namespace restored::restore {

// REQUIRES: what the seams point to outlives the engine. Errors: as Engine::open.
Result<std::unique_ptr<Engine>> open_engine(EngineOptions options, const EngineSeams& seams);

}  // namespace restored::restore
