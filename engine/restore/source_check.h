// The validate phase: is there such a backup, is it of that database, can this agent restore it?
#pragma once

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
                                         const StoreCall& call);

// Errors: backup_not_usable: a newer encoding, a foreign order of keys.
Result<void> check_usable(const format::Manifest& manifest);

// Takes the stored lengths of the backup's frames from its objects: one that was damaged may have
// been replaced since, at another level of compression. Says whether any differ from what the
// backup's index says; lengths of an object that is damaged or gone stay. Makes no LIST call.
// Errors: cancelled, store errors.
Result<bool> adopt_lengths(ObjectStore& store, pipeline::Progress& progress,
                           backup::LoadedBackup& backup, const StoreCall& call);

// An object that a backup needs is not there. When the backup is gone as well, another host has
// removed it meanwhile, and that is the error; any other error stays what it is.
Error explain_lost(const EngineParts& parts, const BackupId& backup, Error error,
                   const StoreCall& call);

}  // namespace restored::restore
