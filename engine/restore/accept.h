// From a request to a running operation: checks, claim, record, thread. Their errors are the
// answers of the HTTP contract.
// Threading: all functions may be called from any thread at once.
#pragma once

#include <cstdint>
#include <string>

#include "restore/engine_parts.h"
#include "restore/preflight.h"
#include "restored/engine.h"
#include "restored/error.h"

namespace restored::restore {

Result<OperationView> accept_restore(EngineParts& parts, const RestoreRequest& request);
// The same for a target that is being made: its status is not looked at.
Result<OperationView> restore_into(EngineParts& parts, const RestoreRequest& request);
// What the source has at one moment comes into a database that is being made.
// Errors: source_database_not_found, database_provisioning, not_restorable, insufficient_space.
Result<OperationView> clone_into(EngineParts& parts, const DatabaseId& target,
                                 const DatabaseId& source, const std::string& principal,
                                 const Intent& intent);
// The same checks as accept_restore, without the claim; touches nothing.
struct RestoreCheck {
  format::Manifest manifest;
  SpacePlan space;
};
Result<RestoreCheck> check_restore(const EngineParts& parts, const RestoreRequest& request);

Result<OperationView> accept_backup(EngineParts& parts, const DatabaseId& id,
                                    std::string backup_name, std::string principal,
                                    std::uint64_t bandwidth_bytes_per_second, const Intent& intent);
Result<OperationView> accept_verify(EngineParts& parts, const BackupId& id, VerifyDepth depth,
                                    std::string principal, const Intent& intent);
// Done when it returns; with hooks, which may take long, it runs on.
Result<OperationView> undo(EngineParts& parts, const DatabaseId& id, std::string principal,
                           const Intent& intent);

// Continues a restore that a crash or a stop cut off; of a backup, only the question whether it was
// complete.
Result<void> continue_operation(EngineParts& parts, registry::OperationRecord record);

}  // namespace restored::restore
