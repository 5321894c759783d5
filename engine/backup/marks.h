// The marks of running collections, as the store lists them.
#pragma once

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

// For people: "collection c1 of host db7", without the host where that cannot be read.
std::string describe(ObjectStore& store, const Mark& mark, const StoreCall& call);

}  // namespace restored::backup
