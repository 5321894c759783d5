// Removal of what no backup names, safely beside backups that other hosts are making: see "Order
// of writing and removing" in format/FORMAT.md.
#pragma once

#include <string>

#include "backup/collection_times.h"
#include "backup/repository.h"
#include "restored/collection.h"
#include "restored/error.h"

namespace restored::backup {

struct CollectionRequest {
  // What removed backups leave goes at once, if no other backup names it. Anything else that no
  // backup names may belong to one that is being made: it must be older than the grace time, or
  // that backup would have to write it again.
  Leftovers leftovers;
  bool dry_run = false;  // changes nothing, but for a document that it writes and removes
  std::string host;      // for people
  CollectionTimes times;
};

// Goes on after an object that cannot be removed. While it is unknown which objects some backup
// needs, none is removed. All ages are differences of times that the store gave.
// Stopped, it lets removals that are on their way come to their end for less than half a second.
// Errors: collection_running, cancelled, timed_out (its mark could not be renewed), store errors.
Result<CollectionReport> collect(const Repository& repository, const CollectionRequest& request,
                                 const StoreCall& call);

}  // namespace restored::backup
