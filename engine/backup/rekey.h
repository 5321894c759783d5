// A change of the key that wraps a repository's data keys; no object is written again. See
// "Encryption" in format/FORMAT.md.
#pragma once

#include <string>

#include "backup/collection_times.h"
#include "backup/repository.h"
#include "restored/error.h"
#include "restored/rekey.h"

namespace restored::backup {

struct RekeyRequest {
  bool keep_previous = false;  // what the ring's other keys have made stays, for hosts without ours
  std::string host;            // for people
  CollectionTimes times = {};
};

// Wraps every data key with the ring's first key, and then removes what its other keys have made of
// it. Cut off anywhere, each data key opens with one of the ring's keys, and it can be begun again.
// No two hosts do it at once, nor while one of them collects.
// Errors: encryption_key_missing, collection_running, cancelled, timed_out, store errors.
Result<RekeyReport> rekey(const Repository& repository, const RekeyRequest& request,
                          const StoreCall& call);

}  // namespace restored::backup
