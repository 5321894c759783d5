// Removal of what no manifest names: the last part of removing a backup.
#pragma once

#include <set>
#include <stop_token>

#include "backup/repository.h"
#include "format/frame.h"
#include "restored/error.h"
#include "restored/ids.h"

namespace restored::backup {

// What a removed backup leaves. Its objects and documents go at once, if no manifest names them;
// other things without a manifest may belong to a backup that another host is making, so they must
// be limits::orphan_seconds old.
struct Leftovers {
  BackupId backup;
  std::set<format::ContentId> contents;
};

// Goes on after an object that cannot be removed. When a manifest of the repository cannot be
// read, no object is removed, since any could be its own. Errors: cancelled, store errors.
Result<void> collect(const Repository& repository, const Leftovers& leftovers,
                     std::stop_token stop);

}  // namespace restored::backup
