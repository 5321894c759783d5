// An instance that cannot be opened, and the new one that takes its place while a restore fills it.
// The old files stay beside it, under Paths::broken(), until the restore has succeeded, and come
// back when it has not.
//
// The database's record tells which files are which: it says "failure" from before the old files
// move until the new ones are whole. So with "ready" beside it, what stands under broken() is a
// leftover of a replacement that succeeded; with "failure", the directory is a new instance, and
// broken() is all that is left of the old content.
// Threading: by the claim's holder; remove_leftovers() from any thread.
#pragma once

#include "restore/engine_parts.h"
#include "restored/error.h"

namespace restored::restore {

// Puts a new, empty, withheld instance in its place. REQUIRES: !claim.usable().
Result<void> replace_broken_instance(EngineParts& parts, Claim& claim);
// Whether that was done, and no restore has succeeded since.
bool is_replaced(const EngineParts& parts, const DatabaseId& id);
// Undoes it: the old files are back, and the database is as it was. REQUIRES: is_replaced().
Result<void> put_back_broken_instance(EngineParts& parts, Claim& claim);

// Old files that a clean-up could not remove.
void remove_leftovers(EngineParts& parts);

}  // namespace restored::restore
