// The marks of running collections, as the store lists them.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/units.h"

namespace restored::backup {

struct Mark {
  std::string id;
  UnixMillis modified = 0;  // in the store's time: written, or renewed last
};

// All of them, stale ones too. Errors: cancelled, store errors.
Result<std::vector<Mark>> list_marks(ObjectStore& store, const StoreCall& call);

// Waits so long, or until it is stopped.
void pause(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace restored::backup
