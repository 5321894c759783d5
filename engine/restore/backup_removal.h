// The removal of a backup, whoever asks for it.
// Threading: any thread at once.
#pragma once

#include <functional>

#include "restore/collector.h"
#include "restore/engine_parts.h"
#include "restored/error.h"
#include "restored/store_call.h"

namespace restored::restore {

// The backup is gone when it returns; its objects are left to the collector.
// `begin` is called when nothing but the removal itself is left to do; its error ends it.
// Errors: database_busy while an operation uses it; backup_not_found, the store's, the registry's.
Result<void> remove_backup(
    EngineParts& parts, Collector& collector, const BackupId& id, const StoreCall& call,
    const std::function<Result<void>()>& begin = [] { return Result<void>(); });

}  // namespace restored::restore
