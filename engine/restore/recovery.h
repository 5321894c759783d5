// From what a stop or a crash left to a running engine: opens every database, removes what nobody
// names, and decides for every operation that was cut off whether it had succeeded, goes on, or
// has failed.
// Threading: called once, before the engine is handed out.
#pragma once

#include "restore/engine_parts.h"
#include "restored/error.h"

namespace restored::restore {

// What cannot be cleaned up stays, with a warning, and is removed later or by the next start. A
// database that cannot be opened does not keep the others from being served: it is in failure,
// with the reason, and a restore into it is the way out.
Result<void> recover(EngineParts& parts);

}  // namespace restored::restore
