// Backups that the agent makes without being asked, and how long those stay.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "restored/error.h"
#include "restored/ids.h"
#include "restored/limits.h"
#include "restored/units.h"

namespace restored {

// Who asks for them, as operations tell it.
inline constexpr std::string_view schedule_principal = "schedule";

// Of the whole agent. A run is due in every period; periods begin at_seconds after midnight UTC.
// Each database has its own moment within spread_seconds of that, which follows from its id.
struct BackupPolicy {
  bool all_databases = false;  // unless one says otherwise; false: those that say so
  std::uint64_t every_seconds = limits::backup_every_seconds_default;
  std::uint64_t at_seconds = limits::backup_at_seconds_default;
  std::uint64_t spread_seconds = limits::backup_spread_seconds_default;
  // A scheduled backup goes when it is older than that many days and there are that many newer
  // complete ones. Both 0: it stays. The newest complete backup of a database always stays.
  std::uint64_t keep_days = limits::backup_keep_days_default;
  std::uint64_t keep_count = limits::backup_keep_count_default;
  bool keep_manual = true;  // false: backups that somebody asked for go in the same way

  bool keeps_everything() const { return keep_days == 0 && keep_count == 0; }
};

// Of one database.
struct DatabaseSchedule {
  DatabaseId database;
  bool enabled = false;
  std::optional<bool> chosen;            // by its owner; nothing: the policy's word counts
  std::optional<UnixMillis> next_at;     // the next run is due, or was due and has not succeeded
  UnixMillis settled_at = 0;             // runs that were due by then are done with
  std::optional<OperationId> operation;  // that makes a scheduled backup now
  std::uint32_t failed_tries = 0;        // of the run that is due
  std::optional<Error> error;            // of the last try that failed, until a run succeeds
  std::optional<Error> retention_error;  // why old backups could not be looked at, or removed
};

}  // namespace restored
