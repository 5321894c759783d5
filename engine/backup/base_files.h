// Files that earlier backups of the same database have stored already, found by the identity that
// RocksDB gives every SST: they are not read, hashed or uploaded again.
#pragma once

#include <optional>
#include <set>
#include <span>
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

// For each file: where it was stored, or nothing. Looks at `bases` in their order, until every file
// is found; a base that is gone, unreadable or not sealed with the repository's data key is no
// error, nor is a file whose object is one of
// `damaged`. Whether the objects are still there is not asked: secure_objects() does, of all at
// once. Errors: cancelled, object_store_unavailable.
Result<std::vector<std::optional<StoredFile>>> find_stored(
    const Repository& repository, std::span<const BackupId> bases,
    std::span<const catalog::FileFacts> files, const std::set<format::ContentId>& damaged,
    const StoreCall& call);

}  // namespace restored::backup
