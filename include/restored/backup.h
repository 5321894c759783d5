// Backups, what is asked of a restore from one, and what it would do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "restored/database.h"
#include "restored/error.h"
#include "restored/ids.h"
#include "restored/intent.h"
#include "restored/units.h"

namespace restored {

enum class BackupStatus : std::uint8_t { running, completed, failed, unknown };
std::string_view name(BackupStatus status);

struct BackupInfo {
  BackupId id;
  DatabaseId database;
  std::string database_name;
  std::string name;
  BackupStatus status = BackupStatus::unknown;
  bool incremental = false;  // some files were already in the repository
  UnixMillis created_at = 0;
  std::uint64_t stored_bytes = 0;  // objects of this backup, shared ones included
  std::uint64_t content_bytes = 0;
  std::uint64_t uploaded_bytes = 0;  // what this backup added to the repository
  std::uint64_t files = 0;
  std::uint64_t entries = 0;
  std::optional<OperationId> operation;
  std::optional<Error> error;
  bool scheduled = false;  // nobody asked for it
};

// What the operations tell of a database's backups, those included that were removed since.
struct BackupHistory {
  std::optional<UnixMillis> completed_at;  // the newest complete one's end
  bool failed = false;                     // the newest that ended, cancelled ones aside, failed
};

struct RestoreRequest {
  DatabaseId target;
  DatabaseId source_database;  // empty: whichever database the backup belongs to
  BackupId backup;
  std::string principal;
  Intent intent = {};
  bool hold = false;  // it stops before the swap, until commit_operation()
};

// What a restore would do; every check of the validate and reserve phases passed.
struct RestorePreview {
  BackupInfo backup;
  DatabaseInfo target;
  std::uint64_t staging_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t reusable_bytes = 0;  // upper bound, by identity; not yet verified
};

}  // namespace restored
