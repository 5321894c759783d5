// Which backups of a database have had their time. A pure function.
#pragma once

#include <vector>

#include "restored/backup.h"
#include "restored/ids.h"
#include "restored/schedule.h"
#include "restored/units.h"

namespace restored::restore {

// `backups` are all of one database, newest first, running and failed ones too. Never among the
// answer: the newest complete one, what nobody's schedule made (unless the policy says so), what is
// being made, what cannot be read, and what failed before there was anything to remove.
std::vector<BackupId> past_retention(const std::vector<BackupInfo>& backups,
                                     const BackupPolicy& policy, UnixMillis now);

}  // namespace restored::restore
