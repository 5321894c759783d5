// Many small calls on a store, several at once: each costs a round trip and nothing else.
#pragma once

#include <cstddef>
#include <functional>

#include "restored/error.h"
#include "restored/object_store.h"

namespace restored::backup {

// Calls work(index, call) once for each index below `count`, on as many threads as the store is
// worth and limits::repository_calls_max at most. The first error ends it and is returned; the
// calls that `work` gets are stopped with it.
Result<void> for_each_index(
    const ObjectStore& store, std::size_t count, const StoreCall& call,
    const std::function<Result<void>(std::size_t index, const StoreCall& call)>& work);

}  // namespace restored::backup
