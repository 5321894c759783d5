// Which backups of a database have had their time, and what the audit tells of them. Pure
// functions.
#pragma once

#include <vector>

#include "restored/backup.h"
#include "restored/error.h"
#include "restored/ids.h"
#include "restored/requests.h"
#include "restored/schedule.h"
#include "restored/units.h"

namespace restored::restore {

// `backups` are all of one database, newest first, running and failed ones too. Never among the
// answer: the newest complete one, what nobody's schedule made (unless the policy says so), what is
// being made, what cannot be read, what failed before there was anything to remove, and what is of
// a time to come.
//
// Clocks are set. Age is measured along the backups, from one complete one to the next: a gap
// counts for a period and a day at most, so that a clock which leaps ahead makes them no more than
// a day older than the next run would have, however long it stays there. A host that was away for
// longer keeps them for as much longer. What a clock that was ahead has dated into the future keeps
// no other from being the newest.
std::vector<BackupId> past_retention(const std::vector<BackupInfo>& backups,
                                     const BackupPolicy& policy, UnixMillis now);

// What the audit tells of such a removal: when it begins, and what it becomes.
AuditEntry removal_entry(const DatabaseId& database, const BackupId& backup,
                         const BackupPolicy& policy, UnixMillis now);
void end_removal(AuditEntry& entry, const Result<void>& outcome, UnixMillis now);

}  // namespace restored::restore
