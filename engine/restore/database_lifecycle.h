// Making and removing databases, each crash-safe: the registry's record comes first and goes
// first. A record that still says "provisioning" at the next start was never finished, and a
// directory without a record was being removed: recovery takes both away.
// Threading: all functions may be called from any thread at once.
#pragma once

#include <optional>
#include <string>

#include "restore/engine_parts.h"
#include "restored/engine.h"
#include "restored/error.h"

namespace restored::restore {

struct MadeDatabase {
  registry::DatabaseRecord record;
  NewConnection connection;
  std::optional<OperationId> operation;
};

Result<MadeDatabase> make_database(EngineParts& parts, const CreateDatabase& request,
                                   const std::string& principal);

// Errors: database_not_found, invalid_value.
// Errors: database_not_found, logical_id_taken, invalid_value, the registry's.
Result<void> update_database(EngineParts& parts, const DatabaseId& id,
                             const DatabaseChanges& changes);

// Sessions lose it at once; its directory goes when the last of them has let go.
// Errors: database_not_found, default_database, database_provisioning, database_busy.
Result<void> remove_database(EngineParts& parts, const DatabaseId& id);

// Closes and erases the removed databases that nobody holds any more.
void erase_removed(EngineParts& parts);

}  // namespace restored::restore
