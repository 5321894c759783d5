// Files that earlier backups of the same database have stored already, found by the identity that
// RocksDB gives every SST: they are not read, hashed or uploaded again.
#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "backup/repository.h"
#include "catalog/database.h"
#include "format/manifest.h"
#include "restored/error.h"

namespace restored::backup {

struct StoredFile {
  format::ContentId content;
  std::vector<format::Frame> frames;
};

// For each file: where it is stored, or nothing. Looks at `bases` in their order, until every file
// is found. A base that is gone or unreadable, and an object that is missing or has another size,
// are no errors: those files are uploaded. Errors: cancelled, object_store_unavailable.
Result<std::vector<std::optional<StoredFile>>> find_stored(
    const Repository& repository, std::span<const BackupId> bases,
    std::span<const catalog::FileFacts> files, std::stop_token stop);

}  // namespace restored::backup
