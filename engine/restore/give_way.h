// Backups that nobody asked for give way: a restore or an undo ends the scheduled backup of its
// database, and the schedule makes it once the database is free.
// Threading: all functions may be called from any thread at once.
#pragma once

#include <chrono>
#include <functional>

#include "restore/engine_parts.h"
#include "restored/error.h"
#include "restored/operation.h"

namespace restored::restore {

// Whether the schedule began it.
bool by_schedule(const OperationView& view);
// Whether the work on a database is a backup that gives way.
bool gives_way(const EngineParts& parts, const Working& working);
// Whether an operation ended because it gave way: a person had nothing against it.
bool gave_way(const OperationView& view);

// As OpenDatabases::claim(), for a restore or an undo. A scheduled backup is ended first, or waited
// for where its manifest is being written; but not when `check` tells that the operation would be
// refused all the same. Errors: the claim's, also when the backup does not end within
// `longest`; those of `check`, whose time counts too.
Result<Claim> claim_over_schedule(EngineParts& parts, const DatabaseId& id,
                                  const OperationId& operation, OperationKind kind,
                                  std::chrono::milliseconds longest,
                                  const std::function<Result<void>()>& check);

}  // namespace restored::restore
