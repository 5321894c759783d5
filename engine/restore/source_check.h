// The validate phase: is there such a backup, is it of that database, can this agent restore it?
#pragma once

#include <stop_token>

#include "backup/repository.h"
#include "restore/engine_parts.h"
#include "restored/error.h"
#include "restored/ids.h"

namespace restored::restore {

// An empty source database stands for whichever the backup is of. Reads the manifest and the frame
// index, nothing else; makes no LIST call.
// Errors: source_database_not_found, backup_not_found, backup_not_usable,
// object_store_unavailable, store_permission_denied, cancelled.
Result<backup::LoadedBackup> load_source(const EngineParts& parts,
                                         const DatabaseId& source_database, const BackupId& backup,
                                         std::stop_token stop);

// Errors: backup_not_usable: a newer encoding, a foreign order of keys.
Result<void> check_usable(const format::Manifest& manifest);

}  // namespace restored::restore
