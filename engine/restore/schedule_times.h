// When a database's scheduled backups are due. Pure functions of the policy, the database's id and
// the time of day, so that a restart, or another host, comes to the same moments.
#pragma once

#include <chrono>
#include <cstdint>

#include "registry/registry.h"
#include "restored/ids.h"
#include "restored/schedule.h"
#include "restored/units.h"

namespace restored::restore {

bool backed_up_by_schedule(const BackupPolicy& policy, const registry::DatabaseRecord& record);

// The database's part of a time that all of them share: the same fraction of it for ever, below 1.
std::chrono::milliseconds share_of(const DatabaseId& id, std::chrono::milliseconds time);

// When the newest run was due that was due by `now`, and when the next one is.
UnixMillis last_due(const BackupPolicy& policy, const DatabaseId& id, UnixMillis now);
UnixMillis next_due(const BackupPolicy& policy, const DatabaseId& id, UnixMillis now);

// How long after the start of the agent this database's missed run waits.
std::chrono::milliseconds catch_up_wait(const BackupPolicy& policy, const DatabaseId& id);

// Before the next try of a run that has failed so often. REQUIRES: tries > 0.
std::chrono::seconds retry_wait(std::uint32_t tries);

}  // namespace restored::restore
