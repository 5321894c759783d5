// What users see of databases and backups, put together from registry, catalog, repository and
// operations.
// Threading: all functions may be called from any thread at once.
#pragma once

#include <vector>

#include "format/manifest.h"
#include "restore/engine_parts.h"
#include "restored/engine.h"
#include "restored/error.h"

namespace restored::restore {

DatabaseInfo database_view(const EngineParts& parts, const registry::DatabaseRecord& record);

BackupInfo backup_view(const EngineParts& parts, const format::Summary& summary);
// Newest first: those of the repository, and those that are being made or failed.
// Errors: database_not_found (no such database, nor any backup of it), store errors.
Result<std::vector<BackupInfo>> backup_views(const EngineParts& parts, const DatabaseId& database,
                                             const StoreCall& call);
// Errors: backup_not_found, backup_not_usable, store errors.
Result<BackupInfo> find_backup(const EngineParts& parts, const BackupId& id, const StoreCall& call);

}  // namespace restored::restore
